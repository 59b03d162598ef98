// What libinfill_torch.so lets out.
#pragma once

#if defined(__GNUC__)
#define INFILL_TORCH_API __attribute__((visibility("default")))
#else
#define INFILL_TORCH_API
#endif
