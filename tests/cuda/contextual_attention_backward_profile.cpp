// The gradients of contextual attention of a square map, for the profile.
// Usage: contextual_attention_backward_profile SIDE CHANNELS PRECISION   (the enumerator's number)
#include "cuda/contextual_attention_backward.h"
#include "profile.h"

int main(int argc, char** argv) {
  using namespace infill::cuda;
  if (argc != 4) return 2;
  ContextualAttentionBackwardCall call;
  call.height = call.width = std::atoi(argv[1]);
  call.channels = std::atoi(argv[2]);
  call.precision = static_cast<Precision>(std::atoi(argv[3]));
  const size_t values = size_t(call.height) * size_t(call.width) * size_t(call.channels);
  call.f = call.b = call.grad = profile::upload(profile::noise_floats(values));
  call.f_grad = profile::zeros<float>(values);
  call.b_grad = profile::zeros<float>(values);
  call.grad_strides = call.f_strides = call.b_strides = call.f_grad_strides = call.b_grad_strides =
      channels_last(call.height, call.width, call.channels);
  call.workspace_bytes = contextual_attention_backward_workspace(call);
  call.workspace = profile::zeros<unsigned char>(call.workspace_bytes);
  profile::check(contextual_attention_backward(call, nullptr));
  profile::finish();
  return 0;
}
