// The numbers of <infill.h> are those of the library inside, so that none is ever translated.
#include "classic/method.h"
#include "core/image.h"
#include "core/status.h"
#include "core/task.h"
#include "infill.h"

namespace infill {

namespace {

// A number of each side.
template <class Inside>
constexpr bool same(Inside inside, int32_t outside) {
  return static_cast<int32_t>(inside) == outside;
}

static_assert(same(Status::kOk, INFILL_OK));
static_assert(same(Status::kPending, INFILL_PENDING));
static_assert(same(Status::kInvalidArgument, INFILL_ERROR_INVALID_ARGUMENT));
static_assert(same(Status::kInvalidState, INFILL_ERROR_INVALID_STATE));
static_assert(same(Status::kUnsupported, INFILL_ERROR_UNSUPPORTED));
static_assert(same(Status::kUnknownParameter, INFILL_ERROR_UNKNOWN_PARAMETER));
static_assert(same(Status::kTooNew, INFILL_ERROR_TOO_NEW));
static_assert(same(Status::kMemoryLimit, INFILL_ERROR_MEMORY_LIMIT));
static_assert(same(Status::kOutOfMemory, INFILL_ERROR_OUT_OF_MEMORY));
static_assert(same(Status::kNoDevice, INFILL_ERROR_NO_DEVICE));
static_assert(same(Status::kDeviceLost, INFILL_ERROR_DEVICE_LOST));
static_assert(same(Status::kIo, INFILL_ERROR_IO));
static_assert(same(Status::kBadModel, INFILL_ERROR_BAD_MODEL));
static_assert(same(Status::kWrongModel, INFILL_ERROR_WRONG_MODEL));
static_assert(same(Status::kCancelled, INFILL_ERROR_CANCELLED));
static_assert(same(Status::kInternal, INFILL_ERROR_INTERNAL));

static_assert(same(Native::Kind::kNone, INFILL_NATIVE_NONE));
static_assert(same(Native::Kind::kErrno, INFILL_NATIVE_ERRNO));
static_assert(same(Native::Kind::kWin32, INFILL_NATIVE_WIN32));
static_assert(same(Native::Kind::kCuda, INFILL_NATIVE_CUDA));

static_assert(same(Format::kGray8, INFILL_FORMAT_GRAY8));
static_assert(same(Format::kRgb8, INFILL_FORMAT_RGB8));
static_assert(same(Format::kRgba8, INFILL_FORMAT_RGBA8));
static_assert(same(Format::kBgr8, INFILL_FORMAT_BGR8));
static_assert(same(Format::kBgra8, INFILL_FORMAT_BGRA8));
static_assert(same(Format::kRg8, INFILL_FORMAT_RG8));
static_assert(same(Format::kArgb8, INFILL_FORMAT_ARGB8));
static_assert(same(Format::kMask8, INFILL_FORMAT_MASK8));
static_assert(same(Format::kGray16, INFILL_FORMAT_GRAY16));
static_assert(same(Format::kRgb16, INFILL_FORMAT_RGB16));
static_assert(same(Format::kRgba16, INFILL_FORMAT_RGBA16));
static_assert(same(Format::kRg16, INFILL_FORMAT_RG16));
static_assert(same(Format::kGray16F, INFILL_FORMAT_GRAY16F));
static_assert(same(Format::kRgb16F, INFILL_FORMAT_RGB16F));
static_assert(same(Format::kRgba16F, INFILL_FORMAT_RGBA16F));
static_assert(same(Format::kRg16F, INFILL_FORMAT_RG16F));
static_assert(same(Format::kGray32F, INFILL_FORMAT_GRAY32F));
static_assert(same(Format::kRgb32F, INFILL_FORMAT_RGB32F));
static_assert(same(Format::kRgba32F, INFILL_FORMAT_RGBA32F));
static_assert(same(Format::kRg32F, INFILL_FORMAT_RG32F));

static_assert(same(Color::kSrgb, INFILL_COLOR_SRGB));
static_assert(same(Color::kLinear, INFILL_COLOR_LINEAR));
static_assert(same(Alpha::kStraight, INFILL_ALPHA_STRAIGHT));
static_assert(same(Alpha::kPremultiplied, INFILL_ALPHA_PREMULTIPLIED));
static_assert(same(Alpha::kIgnore, INFILL_ALPHA_IGNORE));
static_assert(same(DeviceType::kCpu, INFILL_DEVICE_CPU));
static_assert(same(DeviceType::kCuda, INFILL_DEVICE_CUDA));

static_assert(same(Stage::kPlan, INFILL_STAGE_PLAN));
static_assert(same(Stage::kCoarse, INFILL_STAGE_COARSE));
static_assert(same(Stage::kRefine, INFILL_STAGE_REFINE));
static_assert(same(Stage::kBlend, INFILL_STAGE_BLEND));

using classic::MethodId;
static_assert(same(MethodId::kAuto, INFILL_METHOD_AUTO));
static_assert(same(MethodId::kHarmonic, INFILL_METHOD_HARMONIC));
static_assert(same(MethodId::kBiharmonic, INFILL_METHOD_BIHARMONIC));
static_assert(same(MethodId::kTelea, INFILL_METHOD_TELEA));
static_assert(same(MethodId::kNavierStokes, INFILL_METHOD_NAVIER_STOKES));
static_assert(same(MethodId::kPushPull, INFILL_METHOD_PUSH_PULL));
static_assert(same(MethodId::kPatchMatch, INFILL_METHOD_PATCHMATCH));
static_assert(same(MethodId::kNeural, INFILL_METHOD_NEURAL));

using classic::Quality;
static_assert(same(Quality::kDefault, INFILL_QUALITY_DEFAULT));
static_assert(same(Quality::kFast, INFILL_QUALITY_FAST));
static_assert(same(Quality::kBalanced, INFILL_QUALITY_BALANCED));
static_assert(same(Quality::kHigh, INFILL_QUALITY_HIGH));

}  // namespace

}  // namespace infill
