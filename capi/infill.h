/* infill.h - the C interface of infill, a library that fills holes in pictures.
 *
 * Two levels:
 *   Simple    infill_fill_classic(): one call, nothing to create or destroy.
 *   Session   context -> session -> infill_fill(), or infill_fill_async() for a job that runs beside you.
 *
 * Rules that hold for every declaration here
 *
 *   Handles     infill_context, infill_model, infill_session and infill_job are opaque. A handle keeps what
 * it was made from alive, so they may be destroyed in any order. infill_*_destroy(NULL) does nothing; destroy
 * cannot fail. Pixels      The caller owns every image; the library never hands out pixel memory. Structs All
 * but infill_rect and infill_error begin with struct_size and may grow at their end, never elsewhere. They
 * have no hidden padding. INFILL_<NAME>_INIT, an initialiser, is all zero with struct_size set; zero in any
 * field means its default. Reserved fields must be zero. read      by the library: a struct_size below that
 * of the first release is INVALID_ARGUMENT, one above 4096 too. What the caller knows and this library does
 * not (bytes past its own struct, reserved fields, flag bits) must be zero: else TOO_NEW. written   by the
 * library: only struct_size is read, the rest need not be set. What both sides know is written, what only the
 * caller knows becomes zero, struct_size stays. On failure the struct is left alone. callbacks get structs
 * whose struct_size is the library's. Enums       int32_t plus constants, so that width and unknown values
 * mean the same in every language. Values are never reused. An unknown one is UNSUPPORTED. Errors      < 0:
 * failed, 0: done, > 0: done, see the name. When a call fails nothing was created, output arguments are as
 * before, and *err says why: the argument and its value. err may be NULL. There is no hidden error state.
 *   Strings     UTF-8, ended by NUL. Those that come in are checked (INVALID_ARGUMENT). Those that come out
 *               live as long as the handle they came from, or for ever where there was no handle.
 *   Threads     A context and a model may be used from any thread, at once. A session does one thing at a
 * time, on any thread: a second call while one or a job runs returns INVALID_STATE and disturbs nothing;
 *               destroying it is always fine. A job may be used from any thread, at once, but not after its
 *               destroy was called.
 *   Callbacks   (progress, log) may come on threads of the library. They may call
 *               infill_status_name, infill_job_cancel, infill_job_get_progress and any infill_*_destroy,
 *               which is then finished later, and nothing else of infill. They must not throw or longjmp.
 *               From C++17 on INFILL_NOEXCEPT is part of a function's type: a pointer to a function of this
 *               header may leave it out.
 *   Processes   exit() while calls run cancels them and waits for them. After fork() of a process that has
 *               filled or made a context, every call in the child that can fail returns INVALID_STATE and
 *               destroy does nothing.
 *   Environment INFILL_ISA=sse4|avx2|avx512 keeps the library from using newer instructions; the bytes are
 *               the same, of neural fills up to rounding. Nothing else is read, nothing is printed and
 * nothing ends the process.
 */
/* Laid out by hand. */
/* clang-format off */
#ifndef INFILL_H_
#define INFILL_H_

#include <stddef.h>
#include <stdint.h>

/* --------------------------------------------------------------------------------------------- version -- */

/* Work in #if: #if INFILL_VERSION >= INFILL_MAKE_VERSION(0, 1, 0). Before 1.0 a new minor version may break a
 * program. */
#define INFILL_VERSION_MAJOR 0
#define INFILL_VERSION_MINOR 1
#define INFILL_VERSION_PATCH 0
#define INFILL_VERSION 1000
#define INFILL_MAKE_VERSION(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))

#if defined(_WIN32)
#define INFILL_CALL __cdecl
#if defined(INFILL_STATIC)
#define INFILL_API
#elif defined(INFILL_BUILD)
#define INFILL_API __declspec(dllexport)
#else
#define INFILL_API __declspec(dllimport)
#endif
#else
#define INFILL_CALL
#define INFILL_API __attribute__((visibility("default")))
#endif

#if defined(__cplusplus)
#define INFILL_NOEXCEPT noexcept
#define INFILL_SIZEOF(type) static_cast<uint32_t>(sizeof(type))
#else
#define INFILL_NOEXCEPT
#define INFILL_SIZEOF(type) ((uint32_t)sizeof(type))
#endif

/* A call whose status was not looked at: C++17 compilers warn. */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define INFILL_NODISCARD [[nodiscard]]
#else
#define INFILL_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct infill_context infill_context;
typedef struct infill_model infill_model;
typedef struct infill_session infill_session;
typedef struct infill_job infill_job;

/* ------------------------------------------------------------------------------------ status and error -- */

typedef int32_t infill_status;
enum infill_status_values {
  INFILL_OK = 0,
  INFILL_PENDING = 1, /* job: not finished when the timeout ran out. 2 and 3 are kept for video */

  /* The call is wrong: the same call will fail again. */
  INFILL_ERROR_INVALID_ARGUMENT = -1,
  INFILL_ERROR_INVALID_STATE = -2,     /* right arguments, wrong moment: busy, shut down, forked */
  INFILL_ERROR_UNSUPPORTED = -3,       /* valid, but not in this build or on this device */
  INFILL_ERROR_UNKNOWN_PARAMETER = -4, /* no setting of that name */
  INFILL_ERROR_TOO_NEW = -5,           /* the program uses what only a newer library knows */
  INFILL_ERROR_MEMORY_LIMIT = -6,      /* memory_limit is too small: nothing was allocated */

  /* The machine. */
  INFILL_ERROR_OUT_OF_MEMORY = -100, /* memory or threads; handles stay usable */
  INFILL_ERROR_NO_DEVICE = -101,
  INFILL_ERROR_DEVICE_LOST = -102, /* the context is dead: destroy it and make another */
  INFILL_ERROR_IO = -103,

  /* A file of weights. */
  INFILL_ERROR_BAD_MODEL = -200,   /* damaged, incomplete, or another file than the one insisted on */
  INFILL_ERROR_WRONG_MODEL = -201, /* well formed, but nothing that this library can run */

  INFILL_ERROR_CANCELLED = -300,
  INFILL_ERROR_INTERNAL = -900 /* a bug in infill: please report it */
};

/* "INFILL_ERROR_IO" and so on; "INFILL_UNKNOWN" for a value that this library does not have. */
INFILL_API const char* INFILL_CALL infill_status_name(infill_status status) INFILL_NOEXCEPT;

typedef int32_t infill_native_kind; /* where native_code comes from */
enum infill_native_kind_values {
  INFILL_NATIVE_NONE = 0,
  INFILL_NATIVE_ERRNO = 1,
  INFILL_NATIVE_WIN32 = 2,
  INFILL_NATIVE_CUDA = 3
};

/* Why a call failed. The caller's, 512 bytes for ever, need not be initialised; written only when the call
 * fails. */
typedef struct infill_error {
  infill_status status;
  infill_native_kind native_kind;
  int32_t native_code;
  uint32_t reserved;
  char message[496]; /* UTF-8, always ended by NUL, cut between characters where it is too long */
} infill_error;
#define INFILL_ERROR_INIT \
  { 0, 0, 0, 0, { 0 } }

/* --------------------------------------------------------------------------------------------- library -- */

/* INFILL_VERSION of the library that runs, which may differ from the header's. */
INFILL_API uint32_t INFILL_CALL infill_version(void) INFILL_NOEXCEPT;

/* One line for bug reports: version, compiler, instruction set in use. */
INFILL_API const char* INFILL_CALL infill_build_info(void) INFILL_NOEXCEPT;

typedef int32_t infill_feature;
enum infill_feature_values {
  INFILL_FEATURE_NEURAL = 1,
  INFILL_FEATURE_CUDA = 2,
  INFILL_FEATURE_DETECT = 3,
  INFILL_FEATURE_VIDEO = 4
};

/* 1 if it was built along with this library, else 0; DETECT and VIDEO are not in this release. Says nothing of the
 * devices present, nor whether the module of CUDA's kernels is installed: infill_context_create does. */
INFILL_API int32_t INFILL_CALL infill_has_feature(infill_feature feature) INFILL_NOEXCEPT;

typedef int32_t infill_device_type;
enum infill_device_type_values { INFILL_DEVICE_CPU = 0, INFILL_DEVICE_CUDA = 1 };

typedef struct infill_device_info {
  uint32_t struct_size;
  infill_device_type type;
  int32_t index;              /* among devices of this type */
  int32_t compute_capability; /* CUDA: 10 * major + minor */
  uint64_t total_memory;
  uint64_t free_memory; /* CUDA: 0, a context would be needed to ask; see infill_memory_info */
  uint8_t uuid[16]; /* to find the device's Vulkan or OpenGL adapter; all zero: none */
  uint8_t luid[8];  /* to find its Direct3D adapter, if has_luid is 1 */
  uint32_t luid_node_mask, has_luid;
  char name[128]; /* UTF-8, ended by NUL */
} infill_device_info;
#define INFILL_DEVICE_INFO_INIT \
  { INFILL_SIZEOF(infill_device_info), 0, 0, 0, 0, 0, { 0 }, { 0 }, 0, 0, { 0 } }

/* Device 0 is always the CPU; CUDA devices follow in the CUDA runtime's order, which obeys CUDA_VISIBLE_DEVICES. A
 * missing driver is no error. The first call opens the driver and asks it; nothing is made on any device. */
INFILL_API uint32_t INFILL_CALL infill_device_count(void) INFILL_NOEXCEPT;

/* which: below infill_device_count(). */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_device_get_info(uint32_t which, infill_device_info* info, infill_error* err) INFILL_NOEXCEPT;

/* ---------------------------------------------------------------------------------------------- images -- */

/* Channels in memory order, then the type of each: 8 and 16 bits unsigned (native byte order), 16F half, 32F
 * float. */
typedef int32_t infill_format;
enum infill_format_values {
  INFILL_FORMAT_UNDEFINED = 0,
  INFILL_FORMAT_GRAY8 = 1,
  INFILL_FORMAT_RGB8 = 2,
  INFILL_FORMAT_RGBA8 = 3,
  INFILL_FORMAT_BGR8 = 4,
  INFILL_FORMAT_BGRA8 = 5,
  INFILL_FORMAT_RG8 = 6, /* two channels of anything, filled like colours */
  INFILL_FORMAT_ARGB8 = 7,
  INFILL_FORMAT_MASK8 = 8, /* masks only: 0 keeps, anything else is a hole (a bool of NumPy or torch) */
  INFILL_FORMAT_GRAY16 = 33,
  INFILL_FORMAT_RGB16 = 34,
  INFILL_FORMAT_RGBA16 = 35,
  INFILL_FORMAT_RG16 = 36,
  INFILL_FORMAT_GRAY16F = 65,
  INFILL_FORMAT_RGB16F = 66,
  INFILL_FORMAT_RGBA16F = 67,
  INFILL_FORMAT_RG16F = 68,
  INFILL_FORMAT_GRAY32F = 97,
  INFILL_FORMAT_RGB32F = 98,
  INFILL_FORMAT_RGBA32F = 99,
  INFILL_FORMAT_RG32F = 100
};

/* How the numbers stand for light. SRGB is the default for floats too: linear data (OpenEXR, render targets)
 * must say so. */
typedef int32_t infill_color;
enum infill_color_values { INFILL_COLOR_SRGB = 0, INFILL_COLOR_LINEAR = 1 };

/* Inside holes alpha is filled like a colour. STRAIGHT: pixels with alpha 0 lend no colour. PREMULTIPLIED:
 * colours were multiplied by alpha, as stored. IGNORE: the channel means nothing here; dst gets src's, in
 * holes too. */
typedef int32_t infill_alpha;
enum infill_alpha_values {
  INFILL_ALPHA_STRAIGHT = 0,
  INFILL_ALPHA_PREMULTIPLIED = 1,
  INFILL_ALPHA_IGNORE = 2
};

typedef int32_t infill_image_flag;
enum infill_image_flag_values { INFILL_IMAGE_READ_ONLY = 1 }; /* refused as dst */

/* A view of pixels that someone else owns. Channel c of pixel (x, y) begins at
 *     (char*)data + y * row_stride + x * pixel_stride + c * channel_stride      strides in bytes
 * A stride of 0 is "packed": channel_stride the size of a channel, pixel_stride that of all channels,
 * row_stride width * |pixel_stride|. Any other value is taken as it is: padded rows, planes (channel_stride =
 * size of a plane, pixel_stride = size of a channel), or negative for a picture stored bottom-up (data is then
 * the first byte of the top row, which lies highest). Two pixels, or two channels, may not share a byte.
 * Nothing need be aligned. width and height are 1 to 1000000.
 *
 * A mask is GRAY8, GRAY16, GRAY16F, GRAY32F or MASK8. m = 0 keeps a pixel, m = the maximum (255, 65535, 1.0)
 * is a hole; between, dst is src + m/maximum * (fill - src), with colours times alpha. The fill never learns
 * from a pixel with m > 0. Floats are clamped to 0..1; NaN is INVALID_ARGUMENT. color, alpha and READ_ONLY of
 * a mask are ignored. */
typedef struct infill_image {
  uint32_t struct_size;
  uint32_t flags; /* infill_image_flag */
  infill_format format;
  int32_t width, height;
  infill_color color;
  infill_alpha alpha;             /* formats without alpha ignore it */
  infill_device_type device_type; /* where data lies; CUDA only for fills in a CUDA context, on its device */
  int32_t device_index;
  uint32_t reserved;
  int64_t row_stride, pixel_stride, channel_stride;
  void* data; /* not written unless the image is dst */
  void* reserved_ptr;
} infill_image;
#define INFILL_IMAGE_INIT \
  { INFILL_SIZEOF(infill_image), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL }

typedef struct infill_rect {
  int32_t x, y, width, height;
} infill_rect;

/* Checks what every other call checks of one image: sizes, format, arithmetic that overflows, pixels that
 * share bytes. Does not touch the pixels; data may be NULL. byte_size (may be NULL) receives the bytes from
 * the lowest to the highest address of the view: how much to allocate. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_image_check(const infill_image* image, uint64_t* byte_size, infill_error* err) INFILL_NOEXCEPT;

/* What the axes of a tensor are, slowest first: height, width, channels. */
typedef int32_t infill_axes;
enum infill_axes_values { INFILL_AXES_HWC = 0, INFILL_AXES_CHW = 1, INFILL_AXES_HW = 2 };

struct DLManagedTensorVersioned; /* <dlpack/dlpack.h> of DLPack 1.x, which you need only to make one */

/* Makes *image a view of a tensor: nothing is copied or taken over, the caller keeps the tensor alive and
 * calls its deleter.
 *   sizes    Height and width are 1 to 1000000, as for every image.
 *   axes     One leading axis of length 1 (a batch) is skipped. 1, 2, 3 or 4 channels are gray, RG, RGB or
 *            RGBA; set format, color or alpha afterwards if they are something else.
 *   types    uint8, uint16, float16, float32; bool with one channel is MASK8. Others are UNSUPPORTED.
 *   strides  NULL is compact. The stride of an axis of length 1 is ignored; 0 on a longer axis (broadcast) is
 *            UNSUPPORTED.
 *   version  A major version other than 1 is TOO_NEW.
 *   flags    The tensor's read-only flag becomes INFILL_IMAGE_READ_ONLY.
 *   devices  CPU and CUDA-host memory are INFILL_DEVICE_CPU, CUDA and CUDA-managed memory INFILL_DEVICE_CUDA;
 *            there is no synchronisation. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_image_from_dlpack(const struct DLManagedTensorVersioned* tensor, infill_axes axes, infill_image* image,
                         infill_error* err) INFILL_NOEXCEPT;

/* Prepares a mask: every pixel of it above 0 is a hole. First the holes grow by a disc of radius grow (pixels,
 * -10000..10000; below 0 they shrink), then the fill is faded in over their outermost feather pixels (0..10000):
 * dst gets the maximum further in, and 0 outside, so no pixel beyond the grown hole is ever touched. Distances
 * are exact and Euclidean. dst is a mask of the same size, of any mask format (MASK8 only with feather 0); it may
 * be the same view as mask, else they may share no byte. Uses up to one thread per core, at most 16, and 9 bytes of
 * the C++ heap for each pixel of the box around the grown holes, 12 for each run of hole pixels in a row. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_mask_shape(const infill_image* mask, double grow, double feather, const infill_image* dst,
                  infill_error* err) INFILL_NOEXCEPT;

/* --------------------------------------------------------------------------------------------- methods -- */

typedef int32_t infill_method;
enum infill_method_values {
  /* With a fill_model NEURAL, else PATCHMATCH in this release; a later one may choose another: see infill_result */
  INFILL_METHOD_AUTO = 0,
  INFILL_METHOD_HARMONIC = 1,
  INFILL_METHOD_BIHARMONIC = 2,
  INFILL_METHOD_TELEA = 3,
  INFILL_METHOD_NAVIER_STOKES = 4,
  INFILL_METHOD_PUSH_PULL = 5,
  INFILL_METHOD_PATCHMATCH = 32,
  INFILL_METHOD_NEURAL = 64 /* sessions with a fill_model; RGB and grey pictures */
};

typedef struct infill_method_info {
  uint32_t struct_size;
  infill_method method;
  const char* name;    /* "navier-stokes" */
  const char* summary; /* one line for people: what it is good at */
} infill_method_info;
#define INFILL_METHOD_INFO_INIT \
  { INFILL_SIZEOF(infill_method_info), 0, NULL, NULL }

/* The methods of this build that need no model; AUTO is not among them. */
INFILL_API uint32_t INFILL_CALL infill_method_count(void) INFILL_NOEXCEPT;

/* which: below infill_method_count(). */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_method_get_info(uint32_t which, infill_method_info* info, infill_error* err) INFILL_NOEXCEPT;

/* ----------------------------------------------------------------------------------------- simple call -- */

/* Fills the holes of src into dst on the CPU; see infill_fill for src, mask and dst. Returns when it is done
 * and uses up to one thread per core, at most 16. A picture without a hole is copied. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_fill_classic(const infill_image* src, const infill_image* mask, const infill_image* dst,
                    infill_method method, infill_error* err) INFILL_NOEXCEPT;

/* --------------------------------------------------------------------------------------------- context -- */

/* Where pixel-sized memory comes from. The struct is copied; user and the functions must outlive the last
 * handle made from the context. They are called from any thread, at once, and may not call infill. Give both
 * functions, or neither. */
typedef struct infill_allocator {
  uint32_t struct_size;
  uint32_t reserved;
  void* user;
  /* size > 0, alignment a power of two. Returns NULL when there is no memory. */
  void*(INFILL_CALL* alloc)(void* user, size_t size, size_t alignment);
  /* size and alignment as they were given to alloc; memory is never NULL. */
  void(INFILL_CALL* free)(void* user, void* memory, size_t size, size_t alignment);
} infill_allocator;
#define INFILL_ALLOCATOR_INIT \
  { INFILL_SIZEOF(infill_allocator), 0, NULL, NULL, NULL }

typedef int32_t infill_log_level;
enum infill_log_level_values {
  INFILL_LOG_DEFAULT = 0, /* WARN */
  INFILL_LOG_ERROR = 1,   /* a call or a job failed, and why */
  INFILL_LOG_WARN = 2,    /* it works but is probably not what was meant */
  INFILL_LOG_INFO = 3,    /* one line per fill */
  INFILL_LOG_DEBUG = 4
};

/* From any thread, perhaps several at once. message lives until the callback returns. */
typedef void(INFILL_CALL* infill_log_fn)(void* user, infill_log_level level, const char* message);

typedef struct infill_context_desc {
  uint32_t struct_size;
  uint32_t api_version; /* INFILL_VERSION, to be refused by an older library (TOO_NEW); 0: not checked */
  infill_device_type device_type; /* CUDA: fills run there; NO_DEVICE says why they cannot */
  int32_t device_index;           /* of infill_device_info */
  int32_t num_threads;            /* per fill, 1..256; 0: one per core, at most 16 */
  infill_log_level log_level;     /* this and everything more serious */
  uint64_t memory_limit;          /* bytes of scratch of all sessions together at any time, on the context's device,
                                     without what CUDA itself takes; 0: no limit */
  infill_log_fn log;          /* NULL: silence */
  void* log_user;             /* must live until shutdown, or until the last handle of the context is gone */
  const infill_allocator* allocator; /* of host memory. NULL: the C++ heap. Handles and threads use that always */
  const char* module_dir; /* CUDA: the folder of libinfill_cuda.so.<version>, UTF-8; NULL: that of this library */
} infill_context_desc;
#define INFILL_CONTEXT_DESC_INIT \
  { INFILL_SIZEOF(infill_context_desc), 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL }

/* A context holds what sessions share: threads, memory, the log. Make one per program, or one per memory
 * limit. desc may be NULL: the CPU with defaults. The first one of a CUDA device may take seconds. After DEVICE_LOST every
 * call of the context and of what was made from it returns it; CPU contexts work on. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_context_create(const infill_context_desc* desc, infill_context** context,
                      infill_error* err) INFILL_NOEXCEPT;

/* Gives up the caller's handle. Sessions and jobs made from it keep working, callbacks included. */
INFILL_API void INFILL_CALL infill_context_destroy(infill_context* context) INFILL_NOEXCEPT;

/* Refuses new work, cancels what runs (calls on other threads and jobs) and waits for it. When it returns no
 * callback but the allocator's runs or ever will: now log_user may be freed, a managed runtime unloaded.
 * Sessions of the context can then only be destroyed, jobs still tell how they ended; everything else returns
 * INVALID_STATE. A second shutdown does nothing. INVALID_STATE from a callback. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_context_shutdown(infill_context* context, infill_error* err) INFILL_NOEXCEPT;

typedef struct infill_memory_info {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t host_used; /* scratch held now, kept for the next fill included; what memory_limit bounds */
  uint64_t host_peak; /* the most since the context was made */
  uint64_t device_used, device_peak; /* the same of a CUDA context on its device: there memory_limit bounds this */
} infill_memory_info;
#define INFILL_MEMORY_INFO_INIT \
  { INFILL_SIZEOF(infill_memory_info), 0, 0, 0, 0, 0 }
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_context_get_memory_info(infill_context* context, infill_memory_info* info,
                               infill_error* err) INFILL_NOEXCEPT;

/* Gives back the scratch that resting sessions keep; they allocate again when they need it. */
INFILL_API void INFILL_CALL infill_context_trim(infill_context* context) INFILL_NOEXCEPT;

/* 1 if sessions of this context with this method (NEURAL: and a model) fill pictures of this format, else 0. */
INFILL_API int32_t INFILL_CALL
infill_context_supports(const infill_context* context, infill_method method,
                        infill_format format) INFILL_NOEXCEPT;

/* ---------------------------------------------------------------------------------------------- models -- */

typedef int32_t infill_model_kind;
enum infill_model_kind_values { INFILL_MODEL_FILL = 1 };

/* What a network computes in; sums are float32 always. AUTO is FLOAT32 in this release. CPU: FLOAT32, and BFLOAT16,
 * where the factors of most products are rounded to eight bits: faster with AVX512_BF16, not elsewhere, and the weights
 * take less memory (docs/models.md). CUDA: FLOAT32; TFLOAT32, products of factors rounded to eleven bits; FLOAT16 and
 * BFLOAT16, in which everything between the layers is stored, too; BFLOAT16 needs compute capability 8.0. Others are
 * UNSUPPORTED. */
typedef int32_t infill_precision;
enum infill_precision_values {
  INFILL_PRECISION_AUTO = 0,
  INFILL_PRECISION_FLOAT32 = 1,
  INFILL_PRECISION_FLOAT16 = 2,
  INFILL_PRECISION_BFLOAT16 = 3,
  INFILL_PRECISION_TFLOAT32 = 4
};

typedef struct infill_model_desc {
  uint32_t struct_size;
  infill_precision precision;
  const char* sha256; /* of the file: 64 hexadecimal digits to insist on; else BAD_MODEL. NULL: any file */
  void* reserved_ptr;
} infill_model_desc;
#define INFILL_MODEL_DESC_INIT \
  { INFILL_SIZEOF(infill_model_desc), 0, NULL, NULL }

/* Opens a file of weights (safetensors, or what torch.save wrote: .pth, .pt, .ckpt; docs/models.md says of which
 * networks) and makes it ready to run. Nothing in it is executed, and it is read only until this returns; it must
 * not change meanwhile. path is UTF-8. desc may be NULL. IO: it cannot be read. The message of BAD_MODEL names the
 * first tensor that is missing, misshapen or not finite. CANCELLED: the context was shut down meanwhile.
 * A model holds its weights in the C++ heap: outside of memory_limit and of the context's allocator. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_model_open_file(infill_context* context, const char* path, const infill_model_desc* desc,
                       infill_model** model, infill_error* err) INFILL_NOEXCEPT;

/* The same of a file's bytes, which may be freed when it returns. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_model_open_memory(infill_context* context, const void* data, size_t size, const infill_model_desc* desc,
                         infill_model** model, infill_error* err) INFILL_NOEXCEPT;

/* Gives up the caller's handle. Sessions of the model keep working. */
INFILL_API void INFILL_CALL infill_model_destroy(infill_model* model) INFILL_NOEXCEPT;

typedef struct infill_model_info {
  uint32_t struct_size;
  infill_model_kind kind;
  /* UTF-8 without control characters, as long as the model lives. */
  const char* name;           /* from the file's card; else the file's name, or "model" */
  const char* architecture;   /* "deepfill-v2" */
  const char* parameters;     /* of the architecture, as JSON: {"width":48,...} */
  const char* license;        /* SPDX expression of the weights, from the file's card; else "unknown" */
  const char* weights_sha256; /* of a safetensors file without its header, so that a changed card keeps it */
  const char* file_sha256;
  uint64_t parameter_count;
  uint64_t weight_bytes; /* of memory, as they are kept ready */
} infill_model_info;
#define INFILL_MODEL_INFO_INIT \
  { INFILL_SIZEOF(infill_model_info), 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0 }
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_model_get_info(const infill_model* model, infill_model_info* info, infill_error* err) INFILL_NOEXCEPT;

/* -------------------------------------------------------------------------------------------- sessions -- */

/* Chooses the defaults of a method's parameters; time for beauty. */
typedef int32_t infill_quality;
enum infill_quality_values {
  INFILL_QUALITY_DEFAULT = 0, /* BALANCED */
  INFILL_QUALITY_FAST = 16,
  INFILL_QUALITY_BALANCED = 32,
  INFILL_QUALITY_HIGH = 48
};

/* Insist on: the same library files, inputs, parameters, seed, device model and memory_limit give the same
 * bytes, for any num_threads. Every method of this release does so anyway; one that cannot will refuse the
 * flag with UNSUPPORTED. */
typedef int32_t infill_session_flag;
enum infill_session_flag_values { INFILL_SESSION_DETERMINISTIC = 1 };

typedef struct infill_session_desc {
  uint32_t struct_size;
  uint32_t flags; /* infill_session_flag */
  infill_method method;
  infill_quality quality;
  const infill_model* fill_model; /* of the same context; NEURAL needs it, the classical methods ignore it */
  void* reserved_ptr;
} infill_session_desc;
#define INFILL_SESSION_DESC_INIT \
  { INFILL_SIZEOF(infill_session_desc), 0, 0, 0, NULL, NULL }

/* A session is one method with its parameters. It keeps the scratch of its largest fill so far, until
 * infill_context_trim: a fill that needs no more allocates only the lists that say where its holes are, and a few
 * small objects. desc may be NULL: AUTO with defaults. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_session_create(infill_context* context, const infill_session_desc* desc, infill_session** session,
                      infill_error* err) INFILL_NOEXCEPT;

/* A job of the session runs to its end. */
INFILL_API void INFILL_CALL infill_session_destroy(infill_session* session) INFILL_NOEXCEPT;

typedef int32_t infill_param_type;
enum infill_param_type_values { INFILL_PARAM_INT = 1, INFILL_PARAM_FLOAT = 2 };

/* A setting of the session's method or of a stage. Settings have names, not struct fields: command lines,
 * panels and bindings list them, and a new one changes no struct. */
typedef struct infill_param_info {
  uint32_t struct_size;
  infill_param_type type;
  const char* name;        /* "patchmatch.iterations" */
  const char* help;        /* one sentence */
  double minimum, maximum; /* both allowed */
  double default_value;    /* of this method at this quality */
  double value;            /* what the next fill uses */
} infill_param_info;
#define INFILL_PARAM_INFO_INIT \
  { INFILL_SIZEOF(infill_param_info), 0, NULL, NULL, 0, 0, 0, 0 }

/* 0 for NULL. */
INFILL_API uint32_t INFILL_CALL infill_session_param_count(const infill_session* session) INFILL_NOEXCEPT;

/* which: below infill_session_param_count(). */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_session_get_param_info(const infill_session* session, uint32_t which, infill_param_info* info,
                              infill_error* err) INFILL_NOEXCEPT;

/* For the fills that follow. Out of range, NaN, or a fraction for an INT is INVALID_ARGUMENT, never
 * clamped. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_session_set_param(infill_session* session, const char* name, double value,
                         infill_error* err) INFILL_NOEXCEPT;

/* ------------------------------------------------------------------------------------------------ fill -- */

typedef int32_t infill_stage;
enum infill_stage_values {
  INFILL_STAGE_PLAN = 1,   /* reading the mask, laying out crops */
  INFILL_STAGE_COARSE = 2, /* a first, smooth answer, of methods that begin with one */
  INFILL_STAGE_REFINE = 3, /* the fill itself */
  INFILL_STAGE_BLEND = 4   /* seam and grain */
};

typedef struct infill_progress {
  uint32_t struct_size;
  infill_stage stage;
  uint32_t tile, tile_count; /* the crop being worked on, from 0, and how many there are */
  double fraction;           /* of the whole call, 0..1: never falls, and is 1 only on success */
} infill_progress;
#define INFILL_PROGRESS_INIT \
  { INFILL_SIZEOF(infill_progress), 0, 0, 0, 0 }

/* Return 0 to go on, anything else to cancel. Comes on the thread that called infill_fill, or on the job's
 * own; never twice at once for one call. */
typedef int32_t(INFILL_CALL* infill_progress_fn)(void* user, const infill_progress* progress);

typedef struct infill_fill_desc {
  uint32_t struct_size;
  uint32_t flags;  /* none in this release */
  infill_rect roi; /* fill only the holes inside; must lie inside the picture. All zero: everywhere */
  uint64_t seed;   /* another seed, another fill, where a method draws random numbers */
  const infill_image* src;
  const infill_image* mask;
  const infill_image* dst;
  const infill_image* reference; /* PATCHMATCH: another picture to borrow from; may be NULL */
  const infill_image* allow;     /* PATCHMATCH: a mask, borrow only where it is not 0; may be NULL */
  infill_progress_fn progress;   /* may be NULL */
  void* progress_user;
  void* stream; /* cudaStream_t of a CUDA context; NULL: see "Device" below */
} infill_fill_desc;
#define INFILL_FILL_DESC_INIT \
  { INFILL_SIZEOF(infill_fill_desc), 0, {0, 0, 0, 0}, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/* Fills the holes of src into dst.
 *
 * Promise    A pixel of dst outside the holes (mask 0, or outside roi) is src's bit for bit, bytes between
 *            pixels or rows are never written, and outside roi nothing of dst is written at all. In place
 *            only holes are written.
 * Pictures   src, mask and dst have one size, with sides of 1 to 1000000; src and dst agree in format, color and
 *            alpha. dst may be src's memory if its data, format, size and strides are the same. Else dst may
 *            share no byte with src, and never one with mask, reference or allow: with equal row strides this is
 *            decided pixel by pixel (two cells of an atlas are fine), with different ones by address range.
 *            reference has src's channels (order and type may differ) and color, and any size up to 1000000 x
 *            1000000. allow has src's size.
 * NEURAL     Pictures of two channels of anything are UNSUPPORTED, as is a model whose numbers overflow. Values
 *            beyond 0..1 are clamped for the network, and what it paints lies in 0..1; blend.seam then shifts
 *            that to what surrounds the hole, which may lead beyond. With alpha the network sees colours that
 *            are not premultiplied. A hole thicker than neural.size is filled at a smaller scale and enlarged.
 * Source     Everything known in src serves as context, inside and outside roi. With allow, PATCHMATCH looks as
 *            far around a hole as it must to find as many places to copy from as the hole has pixels, and at
 *            least 64, or all there are. Floats may lie outside 0..1 and are kept. A NaN, an infinity or a
 *            magnitude above 1e18 ("no data") that a fill would learn from is INVALID_ARGUMENT, perhaps late
 *            (see Failure), and the message says where: mask it, and it is filled. Elsewhere it is kept.
 * No hole    OK, dst is a copy of src, and hole_pixels of the result is 0.
 * All hole   INVALID_ARGUMENT: there is nothing to learn from.
 * Device     In a CUDA context every picture may lie on the context's device or in host memory, each for itself; on
 *            another device it is UNSUPPORTED. stream NULL: the call waits for what was given to the legacy default
 *            stream, and dst is written when it returns. Else, with src and dst on the device, the call is part of
 *            the stream (cudaStreamLegacy and cudaStreamPerThread are streams, too): inputs must be ready there,
 *            dst is ready there, and the call may return before; it may block, too, because it reads the mask.
 *            Pixels must live until the stream has passed, and what fails on the device later is reported by the next
 *            call. With src or dst in host memory it returns when dst is written. A stream that is being captured is
 *            INVALID_STATE. A finished job's dst can be read everywhere. The thread's current device is restored.
 *            Progress tells what was given to the device.
 * Failure    After a wrong argument, MEMORY_LIMIT or anything else found before the first pixel is written,
 *            dst is untouched. After CANCELLED, OUT_OF_MEMORY or another late failure, and while the call
 *            runs, pixels of dst outside holes hold their old or src's value and those inside are
 *            unspecified; in place the outside is never written. The session stays usable. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_fill(infill_session* session, const infill_fill_desc* desc, infill_error* err) INFILL_NOEXCEPT;

typedef struct infill_estimate {
  uint32_t struct_size;
  uint32_t tile_count;
  /* Never less than the scratch that the fill takes, and at most twice as much. Not in it: pictures, a model's
   * weights (infill_model_info::weight_bytes), stacks, code, some kilobytes of the C++ heap. */
  uint64_t host_bytes;
  uint64_t device_bytes; /* the same on the device of a CUDA context */
} infill_estimate;
#define INFILL_ESTIMATE_INIT \
  { INFILL_SIZEOF(infill_estimate), 0, 0, 0 }

/* What infill_fill(desc) would need, scratch that the session already holds included. Reads only mask and allow;
 * data may be NULL in every image: a mask without data counts as all hole, and with an allow without data crops
 * are as large as the picture. That is more than most masks take; one of many thousand scattered specks may
 * take more, because every piece of a row is kept in mind. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_fill_estimate(infill_session* session, const infill_fill_desc* desc, infill_estimate* estimate,
                     infill_error* err) INFILL_NOEXCEPT;

typedef struct infill_result {
  uint32_t struct_size;
  infill_method method; /* what AUTO chose */
  infill_device_type device_type;
  int32_t device_index;
  uint32_t tile_count;
  uint32_t reserved;
  infill_rect bounds;   /* the smallest that holds every filled pixel; all zero without a hole */
  uint64_t hole_pixels; /* pixels with mask above 0 inside roi */
  uint64_t seed;
  uint64_t elapsed_ns;
  /* NEURAL: the model's name and file_sha256, as long as the session lives. Else NULL. */
  const char* model_name;
  const char* model_sha256;
} infill_result;
#define INFILL_RESULT_INIT \
  { INFILL_SIZEOF(infill_result), 0, 0, 0, 0, 0, {0, 0, 0, 0}, 0, 0, 0, NULL, NULL }

/* What the last successful fill or job of the session did. INVALID_STATE when there was none. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_session_get_result(infill_session* session, infill_result* result, infill_error* err) INFILL_NOEXCEPT;

/* ------------------------------------------------------------------------------------------------ jobs -- */

/* Starts a fill on a thread of its own. desc, its images' structs and roi are copied; pixels, callbacks and
 * their user data must live until the job is finished. Everything that can be checked without pixels is
 * checked before it returns. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_fill_async(infill_session* session, const infill_fill_desc* desc, infill_job** job,
                  infill_error* err) INFILL_NOEXCEPT;

/* Waits up to timeout_ns (0: just look; UINT64_MAX: no limit). INFILL_PENDING, or what infill_fill would have
 * returned, now and on every later call. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_job_wait(infill_job* job, uint64_t timeout_ns, infill_error* err) INFILL_NOEXCEPT;

/* Asks the job to stop and returns at once. The job may still finish with INFILL_OK. */
INFILL_API void INFILL_CALL infill_job_cancel(infill_job* job) INFILL_NOEXCEPT;

/* For programs that look once a frame and want no callback on a foreign thread. Works before, while and after
 * it runs. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_job_get_progress(infill_job* job, infill_progress* progress, infill_error* err) INFILL_NOEXCEPT;

/* Cancels, waits (for up to one step of the method, so a finaliser should look with infill_job_wait(job, 0,
 * NULL) first), frees. */
INFILL_API void INFILL_CALL infill_job_destroy(infill_job* job) INFILL_NOEXCEPT;

/* ---------------------------------------------------------------------------------- a network by itself -- */

typedef struct infill_model_run_desc {
  uint32_t struct_size;
  uint32_t flags;              /* none in this release */
  const char* inputs;          /* paths in UTF-8 */
  const char* outputs;
  infill_progress_fn progress; /* may be NULL; tile: the picture of the batch */
  void* progress_user;
  void* reserved_ptr;
} infill_model_run_desc;
#define INFILL_MODEL_RUN_DESC_INIT \
  { INFILL_SIZEOF(infill_model_run_desc), 0, NULL, NULL, NULL, NULL, NULL }

/* Runs the network on a file of tensors, without the crop, the scale and the blending of a fill: to compare its
 * numbers with another program's.
 * inputs: exactly two tensors, in any of the containers of weights: image [N, 3, H, W], floating-point, red, green
 * and blue of 0..1 where they are known, not read elsewhere; mask [N, 1, H, W] of any type, 1 = hole, 0 = known, for
 * every picture its own. H and W are from 1 to 1,000,000; what is no multiple of the network's 8 is continued by
 * reflection and cut off again.
 * outputs: safetensors, replaced if it exists, there whole or not at all: coarse, refined (both as the network gives
 * them, holes and surroundings) and composite (refined in the hole, image elsewhere), [N, 3, H, W], float32, 0..1.
 * Its metadata names model, SHA-256 of the file of weights, and the library's version.
 * INVALID_ARGUMENT names the tensor, the element and its value. IO: inputs cannot be read or outputs not be written.
 * UNSUPPORTED: the network's numbers overflow. Memory is the context's, results included (36 bytes a pixel of the
 * batch beside the network's maps for one picture), and bounded by memory_limit. */
INFILL_NODISCARD INFILL_API infill_status INFILL_CALL
infill_model_run_file(const infill_model* model, const infill_model_run_desc* desc,
                      infill_error* err) INFILL_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
