#include "client/cli/progress_bar.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "client/cli/table.h"

namespace flotilla::cli {
namespace {

constexpr env::Duration kRedraw = std::chrono::milliseconds(200);
constexpr size_t kBarColumns = 30;

}  // namespace

ProgressBar::ProgressBar(const Console& console, const env::Clock& clock, std::string what,
                         uint64_t total)
    : err_(console.err),
      clock_(clock),
      is_on_(console.shows_progress()),
      what_(std::move(what)),
      total_(total),
      start_(clock.Now()),
      last_draw_(start_) {}

ProgressBar::~ProgressBar() {
  if (has_line_) err_ << '\n' << std::flush;
}

void ProgressBar::Update(uint64_t done, uint64_t records) {
  if (!is_on_ || clock_.Now() - last_draw_ < kRedraw) return;
  Draw(done, records);
}

void ProgressBar::Finish(uint64_t records) {
  if (is_on_) Draw(total_, records);
}

void ProgressBar::Draw(uint64_t done, uint64_t records) {
  last_draw_ = clock_.Now();
  const double seconds = std::max(std::chrono::duration<double>(last_draw_ - start_).count(), 1e-3);
  std::string line = "\r";
  if (total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const size_t filled = static_cast<size_t>(part * kBarColumns);
    line += fmt::format("[{}{}] {:3.0f} %  ", std::string(filled, '#'),
                        std::string(kBarColumns - filled, '.'), part * 100);
  }
  line += fmt::format("{} {}, {}/s", WithCommas(records), what_,
                      WithCommas(static_cast<uint64_t>(static_cast<double>(records) / seconds)));
  // Covers what a longer line left.
  err_ << line << "    " << std::flush;
  has_line_ = true;
}

}  // namespace flotilla::cli
