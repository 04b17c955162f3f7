// Whether a store that starts still has the data that it stopped with: a data directory that is an
// older copy of itself has forgotten votes and entries that it promised to keep.
//
// PD remembers two things of each store. The *generation* counts its starts: who was not there at
// the last one is an older copy. The *position* is how far its log had come on its disk when it
// said so last: who has not come as far is an older copy as well, of the same generation.
//
// A start and what may interrupt it:
//  1. The store is of generation g, and so PD remembers it. It draws a nonce and makes it durable.
//     A crash here: the next start finds the nonce and goes on with 2.
//  2. It tells PD (g, nonce). PD makes it g + 1 and remembers the nonce, if it is g itself. A crash
//     here, or an answer that is lost: the next attempt says the same, and PD knows it by the
//     nonce.
//  3. It makes g + 1 durable, without a nonce. A crash before: as in 2, and then a start of its own
//     is begun at 1, as g + 1. So whatever was copied before the last start is refused: it says g
//     or less, PD remembers g + 2, and nobody can draw the nonce again.
// A start that is refused changes nothing, here or there: the next attempt says the same and is
// refused again, however often it comes.
#ifndef FLOTILLA_PD_META_STORE_MEMORY_H_
#define FLOTILLA_PD_META_STORE_MEMORY_H_

#include <optional>

#include "flotilla/pd_meta.pb.h"

namespace flotilla::pd {

// What PD remembers after it; nullopt: the start is refused.
std::optional<registry::v1::StoreMemory> AfterStart(const registry::v1::StoreMemory& memory,
                                                    const meta::v1::RegisterStore& start);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_STORE_MEMORY_H_
