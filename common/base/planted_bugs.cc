#include "common/base/planted_bugs.h"

#ifdef FLOTILLA_PLANTED_BUGS

namespace flotilla {
namespace {

Bug the_planted = Bug::kNone;

}  // namespace

bool Planted(Bug bug) { return bug == the_planted; }
void Plant(Bug bug) { the_planted = bug; }

}  // namespace flotilla

#endif
