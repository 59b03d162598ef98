// LibTorch's worker threads do not survive fork(): a child that hands them work waits for ever.
#pragma once

namespace infill::ops {

// Called by every kernel before it uses threads. Throws in a child of a process in which this was called
// before, if the child would use more than one thread; `name` is the operator's.
void refuse_after_fork(const char* name);

}  // namespace infill::ops
