// Contextual attention of a square map, for the profile.
// Usage: contextual_attention_profile SIDE CHANNELS PRECISION   (the enumerator's number)
#include "cuda/contextual_attention.h"
#include "profile.h"

int main(int argc, char** argv) {
  using namespace infill::cuda;
  if (argc != 4) return 2;
  ContextualAttentionCall call;
  call.height = call.width = std::atoi(argv[1]);
  call.channels = std::atoi(argv[2]);
  call.precision = static_cast<Precision>(std::atoi(argv[3]));
  const size_t values = size_t(call.height) * size_t(call.width) * size_t(call.channels);
  call.f = call.b = profile::upload(profile::noise_floats(values));
  call.y = profile::zeros<float>(values);
  call.f_strides = call.b_strides = call.y_strides = channels_last(call.height, call.width, call.channels);
  const auto half = size_t((call.height + 1) / 2);
  call.wanted = profile::upload(std::vector<uint8_t>(half * half, 1));
  call.workspace_bytes = contextual_attention_workspace(call);
  call.workspace = profile::zeros<unsigned char>(call.workspace_bytes);
  profile::check(contextual_attention(call, nullptr));
  profile::finish();
  return 0;
}
