#include "methods.h"

#include "core/status.h"
#include "pipeline/neural.h"

namespace infill::capi {

const classic::Method* find_method(infill_method method) {
  if (method == INFILL_METHOD_AUTO) method = INFILL_METHOD_PATCHMATCH;
  if (method == INFILL_METHOD_NEURAL) return &pipeline::kNeural;
  return classic::find_method(static_cast<classic::MethodId>(method));
}

const classic::Method& checked_method(infill_method method, const char* name) {
  const classic::Method* found = find_method(method);
  if (found == nullptr) fail(Status::kUnsupported, name, ": this build has no method ", method);
  return *found;
}

}  // namespace infill::capi
