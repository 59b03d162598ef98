#include "inference/deepfill_layers.h"

#include <array>

namespace infill::inference {
namespace {

using kernels::Activation;

constexpr DeepFillLayer plain(const char* equal, const char* tensorflow, int32_t dilation = 1) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .dilation = dilation};
}
constexpr DeepFillLayer first(const char* equal, const char* tensorflow) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .kernel = 5};
}
constexpr DeepFillLayer down(const char* equal, const char* tensorflow) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .stride = 2};
}
constexpr DeepFillLayer up(const char* equal, const char* tensorflow) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .upsample = 2};
}
constexpr DeepFillLayer relu(const char* equal, const char* tensorflow) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .activation = Activation::kRelu};
}
constexpr DeepFillLayer colours(const char* equal, const char* tensorflow) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .activation = Activation::kTanh, .gated = false};
}

constexpr std::array kCoarse{
    first("stage1.conv1", "conv1"),
    down("stage1.down_block1.conv1_downsample", "conv2_downsample"),
    plain("stage1.down_block1.conv2", "conv3"),
    down("stage1.down_block2.conv1_downsample", "conv4_downsample"),
    plain("stage1.down_block2.conv2", "conv5"),
    plain("stage1.conv_bn1", "conv6"),
    plain("stage1.conv_bn2", "conv7_atrous", 2),
    plain("stage1.conv_bn3", "conv8_atrous", 4),
    plain("stage1.conv_bn4", "conv9_atrous", 8),
    plain("stage1.conv_bn5", "conv10_atrous", 16),
    plain("stage1.conv_bn6", "conv11"),
    plain("stage1.conv_bn7", "conv12"),
    up("stage1.up_block1.conv1_upsample.conv", "conv13_upsample.conv"),
    plain("stage1.up_block1.conv2", "conv14"),
    up("stage1.up_block2.conv1_upsample.conv", "conv15_upsample.conv"),
    plain("stage1.up_block2.conv2", "conv16"),
    colours("stage1.conv_to_rgb", "conv17"),
};
constexpr std::array kConvolutions{
    first("stage2.conv_conv1", "xconv1"),
    down("stage2.conv_down_block1.conv1_downsample", "xconv2_downsample"),
    plain("stage2.conv_down_block1.conv2", "xconv3"),
    down("stage2.conv_down_block2.conv1_downsample", "xconv4_downsample"),
    plain("stage2.conv_down_block2.conv2", "xconv5"),
    plain("stage2.conv_conv_bn1", "xconv6"),
    plain("stage2.conv_conv_bn2", "xconv7_atrous", 2),
    plain("stage2.conv_conv_bn3", "xconv8_atrous", 4),
    plain("stage2.conv_conv_bn4", "xconv9_atrous", 8),
    plain("stage2.conv_conv_bn5", "xconv10_atrous", 16),
};
constexpr std::array kBeforeAttention{
    first("stage2.ca_conv1", "pmconv1"),
    down("stage2.ca_down_block1.conv1_downsample", "pmconv2_downsample"),
    plain("stage2.ca_down_block1.conv2", "pmconv3"),
    down("stage2.ca_down_block2.conv1_downsample", "pmconv4_downsample"),
    plain("stage2.ca_down_block2.conv2", "pmconv5"),
    relu("stage2.ca_conv_bn1", "pmconv6"),
};
constexpr std::array kAfterAttention{
    plain("stage2.ca_conv_bn4", "pmconv9"),
    plain("stage2.ca_conv_bn5", "pmconv10"),
};
constexpr std::array kDecoder{
    plain("stage2.conv_bn6", "allconv11"),
    plain("stage2.conv_bn7", "allconv12"),
    up("stage2.up_block1.conv1_upsample.conv", "allconv13_upsample.conv"),
    plain("stage2.up_block1.conv2", "allconv14"),
    up("stage2.up_block2.conv1_upsample.conv", "allconv15_upsample.conv"),
    plain("stage2.up_block2.conv2", "allconv16"),
    colours("stage2.conv_to_rgb", "allconv17"),
};
constexpr DeepFillLayers kLayers{kCoarse, kConvolutions, kBeforeAttention, kAfterAttention, kDecoder};

}  // namespace

const DeepFillLayers& deepfill_layers() {
  return kLayers;
}

}  // namespace infill::inference
