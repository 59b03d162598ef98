// The tensors below a value of a pickle, by dotted keys.
#pragma once

#include <functional>
#include <string>

#include "zoo/pickle_value.h"

namespace infill::zoo {

// Calls found(key, tensor) for every tensor below `root`: {'a': {'b': t}, 'c': [u]} gives "a.b" and "c.0". Of
// objects the state counts; the _modules, _parameters and _buffers of a torch.nn.Module leave no trace in the
// key. What a container shares is found in both places. Keys are UTF-8 and at most Tensor::kLongestName
// bytes. Throws kUnsupported when containers are nested more than 64 deep (or hold themselves), or share so
// much that walking them takes much longer than reading them.
void find_tensors(const PickleHeap& heap, const Value& root,
                  const std::function<void(const std::string& key, const TensorReference& tensor)>& found);

}  // namespace infill::zoo
