// A Volume behind FUSE: what the kernel asks of it, one call after the other.
//
// Thread-safe. A sync that is told to be slow does not keep the other calls waiting.
#ifndef FLOTILLA_TESTS_CLUSTER_POWERLOSS_MOUNTED_VOLUME_H_
#define FLOTILLA_TESTS_CLUSTER_POWERLOSS_MOUNTED_VOLUME_H_

#include <functional>
#include <string>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "tests/cluster/powerloss/volume.h"

namespace flotilla::powerloss {

class MountedVolume {
 public:
  MountedVolume();

  // Serves `mount_point` until it is unmounted or the process is told to end. The exit code.
  int Serve(const std::string& mount_point);

  // Does what a line says, and says what came of it:
  //   power-loss SEED   what was not synced is lost; nothing may be open
  //   capacity BYTES    beyond it, ENOSPC
  //   sync-delay MS     syncs take this long from now on, those that wait too
  //   fail-syncs N      the next N syncs of files fail with EIO
  //   lie 0|1           syncs are answered and not done
  //   used              the bytes of all files, and the syncs so far
  // An answer that begins with "error" says what is wrong with the line.
  std::string Command(const std::string& line);

  // For the adapter: `use` has the volume to itself.
  int With(const std::function<int(Volume&)>& use);
  // Returns once a sync that comes now may be answered.
  void AwaitSync();

 private:
  const env::SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  Volume volume_ ABSL_GUARDED_BY(mutex_);
  env::Duration sync_delay_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace flotilla::powerloss

#endif  // FLOTILLA_TESTS_CLUSTER_POWERLOSS_MOUNTED_VOLUME_H_
