#include "common/rpc/connection_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/rpc/file_descriptor.h"

namespace flotilla::rpc {
namespace {

using Room = ConnectionTable::Room;

FileDescriptor NewSocket() { return FileDescriptor(socket(AF_INET, SOCK_STREAM, 0)); }

TEST(ConnectionTableTest, LimitsOfAllAndOfOneAddress) {
  ConnectionTable table(/*max_connections=*/3, /*max_per_address=*/2);
  const FileDescriptor one = NewSocket();
  const FileDescriptor two = NewSocket();
  const FileDescriptor three = NewSocket();
  EXPECT_EQ(table.RoomFor("a"), Room::kYes);
  table.Add(one.get(), "a");
  EXPECT_EQ(table.RoomFor("a"), Room::kYes);
  table.Add(two.get(), "a");
  EXPECT_EQ(table.RoomFor("a"), Room::kAddressFull);
  EXPECT_EQ(table.RoomFor("b"), Room::kYes);
  table.Add(three.get(), "b");
  EXPECT_EQ(table.RoomFor("b"), Room::kFull);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.CountOf("a"), 2u);
}

TEST(ConnectionTableTest, ClosedConnectionsAreForgotten) {
  ConnectionTable table(10, 10);
  FileDescriptor closed = NewSocket();
  const FileDescriptor open = NewSocket();
  table.Add(closed.get(), "a");
  table.Add(open.get(), "b");
  table.Prune();
  EXPECT_EQ(table.size(), 2u);
  closed.Reset();
  table.Prune();
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.CountOf("a"), 0u);
  EXPECT_EQ(table.CountOf("b"), 1u);
}

TEST(ConnectionTableTest, ANumberThatIsAnotherFileByNowHasEnded) {
  ConnectionTable table(10, 10);
  FileDescriptor first = NewSocket();
  FileDescriptor second = NewSocket();
  table.Add(first.get(), "a");
  table.Add(second.get(), "a");
  const FileDescriptor other_socket = NewSocket();
  const FileDescriptor file(open("/dev/null", O_RDONLY));
  ASSERT_EQ(dup2(other_socket.get(), first.get()), first.get());
  ASSERT_EQ(dup2(file.get(), second.get()), second.get());
  table.Prune();
  EXPECT_EQ(table.size(), 0u);
}

TEST(ConnectionTableTest, ANewConnectionOfTheSameNumberTakesThePlaceOfTheOld) {
  ConnectionTable table(10, 10);
  const FileDescriptor first = NewSocket();
  table.Add(first.get(), "a");
  const FileDescriptor other = NewSocket();
  ASSERT_EQ(dup2(other.get(), first.get()), first.get());
  table.Add(first.get(), "b");
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.CountOf("a"), 0u);
  EXPECT_EQ(table.CountOf("b"), 1u);
}

}  // namespace
}  // namespace flotilla::rpc
