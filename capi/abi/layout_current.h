/* Where every field of <infill.h> lies on 64-bit machines, and how long every struct is. Compiling this proves it.
   Each release freezes a copy, layout_<release>.h, that is never edited again (docs/abi.md). */
#include <stddef.h>

#include "infill.h"

#if defined(__cplusplus)
#define INFILL_LAYOUT(condition, what) static_assert(condition, what)
#else
#define INFILL_LAYOUT(condition, what) _Static_assert(condition, what)
#endif
#define INFILL_AT(type, field, offset) INFILL_LAYOUT(offsetof(type, field) == (offset), #type "." #field " moved")
#define INFILL_SIZE(type, size) INFILL_LAYOUT(sizeof(type) == (size), #type " changed its size")

#if UINTPTR_MAX > 0xFFFFFFFF
INFILL_SIZE(infill_error, 512);
INFILL_AT(infill_error, status, 0);
INFILL_AT(infill_error, native_kind, 4);
INFILL_AT(infill_error, native_code, 8);
INFILL_AT(infill_error, reserved, 12);
INFILL_AT(infill_error, message, 16);
INFILL_SIZE(infill_device_info, 192);
INFILL_AT(infill_device_info, struct_size, 0);
INFILL_AT(infill_device_info, type, 4);
INFILL_AT(infill_device_info, index, 8);
INFILL_AT(infill_device_info, compute_capability, 12);
INFILL_AT(infill_device_info, total_memory, 16);
INFILL_AT(infill_device_info, free_memory, 24);
INFILL_AT(infill_device_info, uuid, 32);
INFILL_AT(infill_device_info, luid, 48);
INFILL_AT(infill_device_info, luid_node_mask, 56);
INFILL_AT(infill_device_info, has_luid, 60);
INFILL_AT(infill_device_info, name, 64);
INFILL_SIZE(infill_image, 80);
INFILL_AT(infill_image, struct_size, 0);
INFILL_AT(infill_image, flags, 4);
INFILL_AT(infill_image, format, 8);
INFILL_AT(infill_image, width, 12);
INFILL_AT(infill_image, height, 16);
INFILL_AT(infill_image, color, 20);
INFILL_AT(infill_image, alpha, 24);
INFILL_AT(infill_image, device_type, 28);
INFILL_AT(infill_image, device_index, 32);
INFILL_AT(infill_image, reserved, 36);
INFILL_AT(infill_image, row_stride, 40);
INFILL_AT(infill_image, pixel_stride, 48);
INFILL_AT(infill_image, channel_stride, 56);
INFILL_AT(infill_image, data, 64);
INFILL_AT(infill_image, reserved_ptr, 72);
INFILL_SIZE(infill_rect, 16);
INFILL_AT(infill_rect, x, 0);
INFILL_AT(infill_rect, y, 4);
INFILL_AT(infill_rect, width, 8);
INFILL_AT(infill_rect, height, 12);
INFILL_SIZE(infill_method_info, 24);
INFILL_AT(infill_method_info, struct_size, 0);
INFILL_AT(infill_method_info, method, 4);
INFILL_AT(infill_method_info, name, 8);
INFILL_AT(infill_method_info, summary, 16);
INFILL_SIZE(infill_allocator, 32);
INFILL_AT(infill_allocator, struct_size, 0);
INFILL_AT(infill_allocator, reserved, 4);
INFILL_AT(infill_allocator, user, 8);
INFILL_AT(infill_allocator, alloc, 16);
INFILL_AT(infill_allocator, free, 24);
INFILL_SIZE(infill_context_desc, 64);
INFILL_AT(infill_context_desc, struct_size, 0);
INFILL_AT(infill_context_desc, api_version, 4);
INFILL_AT(infill_context_desc, device_type, 8);
INFILL_AT(infill_context_desc, device_index, 12);
INFILL_AT(infill_context_desc, num_threads, 16);
INFILL_AT(infill_context_desc, log_level, 20);
INFILL_AT(infill_context_desc, memory_limit, 24);
INFILL_AT(infill_context_desc, log, 32);
INFILL_AT(infill_context_desc, log_user, 40);
INFILL_AT(infill_context_desc, allocator, 48);
INFILL_AT(infill_context_desc, module_dir, 56);
INFILL_SIZE(infill_memory_info, 40);
INFILL_AT(infill_memory_info, struct_size, 0);
INFILL_AT(infill_memory_info, reserved, 4);
INFILL_AT(infill_memory_info, host_used, 8);
INFILL_AT(infill_memory_info, host_peak, 16);
INFILL_AT(infill_memory_info, device_used, 24);
INFILL_AT(infill_memory_info, device_peak, 32);
INFILL_SIZE(infill_model_desc, 24);
INFILL_AT(infill_model_desc, struct_size, 0);
INFILL_AT(infill_model_desc, precision, 4);
INFILL_AT(infill_model_desc, sha256, 8);
INFILL_AT(infill_model_desc, reserved_ptr, 16);
INFILL_SIZE(infill_model_info, 72);
INFILL_AT(infill_model_info, struct_size, 0);
INFILL_AT(infill_model_info, kind, 4);
INFILL_AT(infill_model_info, name, 8);
INFILL_AT(infill_model_info, architecture, 16);
INFILL_AT(infill_model_info, parameters, 24);
INFILL_AT(infill_model_info, license, 32);
INFILL_AT(infill_model_info, weights_sha256, 40);
INFILL_AT(infill_model_info, file_sha256, 48);
INFILL_AT(infill_model_info, parameter_count, 56);
INFILL_AT(infill_model_info, weight_bytes, 64);
INFILL_SIZE(infill_session_desc, 32);
INFILL_AT(infill_session_desc, struct_size, 0);
INFILL_AT(infill_session_desc, flags, 4);
INFILL_AT(infill_session_desc, method, 8);
INFILL_AT(infill_session_desc, quality, 12);
INFILL_AT(infill_session_desc, fill_model, 16);
INFILL_AT(infill_session_desc, reserved_ptr, 24);
INFILL_SIZE(infill_param_info, 56);
INFILL_AT(infill_param_info, struct_size, 0);
INFILL_AT(infill_param_info, type, 4);
INFILL_AT(infill_param_info, name, 8);
INFILL_AT(infill_param_info, help, 16);
INFILL_AT(infill_param_info, minimum, 24);
INFILL_AT(infill_param_info, maximum, 32);
INFILL_AT(infill_param_info, default_value, 40);
INFILL_AT(infill_param_info, value, 48);
INFILL_SIZE(infill_progress, 24);
INFILL_AT(infill_progress, struct_size, 0);
INFILL_AT(infill_progress, stage, 4);
INFILL_AT(infill_progress, tile, 8);
INFILL_AT(infill_progress, tile_count, 12);
INFILL_AT(infill_progress, fraction, 16);
INFILL_SIZE(infill_fill_desc, 96);
INFILL_AT(infill_fill_desc, struct_size, 0);
INFILL_AT(infill_fill_desc, flags, 4);
INFILL_AT(infill_fill_desc, roi, 8);
INFILL_AT(infill_fill_desc, seed, 24);
INFILL_AT(infill_fill_desc, src, 32);
INFILL_AT(infill_fill_desc, mask, 40);
INFILL_AT(infill_fill_desc, dst, 48);
INFILL_AT(infill_fill_desc, reference, 56);
INFILL_AT(infill_fill_desc, allow, 64);
INFILL_AT(infill_fill_desc, progress, 72);
INFILL_AT(infill_fill_desc, progress_user, 80);
INFILL_AT(infill_fill_desc, stream, 88);
INFILL_SIZE(infill_estimate, 24);
INFILL_AT(infill_estimate, struct_size, 0);
INFILL_AT(infill_estimate, tile_count, 4);
INFILL_AT(infill_estimate, host_bytes, 8);
INFILL_AT(infill_estimate, device_bytes, 16);
INFILL_SIZE(infill_result, 80);
INFILL_AT(infill_result, struct_size, 0);
INFILL_AT(infill_result, method, 4);
INFILL_AT(infill_result, device_type, 8);
INFILL_AT(infill_result, device_index, 12);
INFILL_AT(infill_result, tile_count, 16);
INFILL_AT(infill_result, reserved, 20);
INFILL_AT(infill_result, bounds, 24);
INFILL_AT(infill_result, hole_pixels, 40);
INFILL_AT(infill_result, seed, 48);
INFILL_AT(infill_result, elapsed_ns, 56);
INFILL_AT(infill_result, model_name, 64);
INFILL_AT(infill_result, model_sha256, 72);
INFILL_SIZE(infill_model_run_desc, 48);
INFILL_AT(infill_model_run_desc, struct_size, 0);
INFILL_AT(infill_model_run_desc, flags, 4);
INFILL_AT(infill_model_run_desc, inputs, 8);
INFILL_AT(infill_model_run_desc, outputs, 16);
INFILL_AT(infill_model_run_desc, progress, 24);
INFILL_AT(infill_model_run_desc, progress_user, 32);
INFILL_AT(infill_model_run_desc, reserved_ptr, 40);
#endif

#undef INFILL_SIZE
#undef INFILL_AT
#undef INFILL_LAYOUT
