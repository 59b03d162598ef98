#include "inference/deepfill_layers.h"

#include <array>

namespace infill::inference {
namespace {

using kernels::Activation;

constexpr DeepFillLayer plain(const char* equal, const char* tensorflow, int32_t quarters,
                              int32_t dilation = 1) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .quarters = quarters, .dilation = dilation};
}
constexpr DeepFillLayer first(const char* equal, const char* tensorflow, int32_t quarters) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .quarters = quarters, .kernel = 5};
}
constexpr DeepFillLayer down(const char* equal, const char* tensorflow, int32_t quarters) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .quarters = quarters, .stride = 2};
}
constexpr DeepFillLayer up(const char* equal, const char* tensorflow, int32_t quarters) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .quarters = quarters, .upsample = 2};
}
constexpr DeepFillLayer relu(const char* equal, const char* tensorflow, int32_t quarters) {
  return {.equal_key = equal,
          .tensorflow_key = tensorflow,
          .quarters = quarters,
          .activation = Activation::kRelu};
}
constexpr DeepFillLayer colours(const char* equal, const char* tensorflow) {
  return {.equal_key = equal, .tensorflow_key = tensorflow, .activation = Activation::kTanh, .gated = false};
}

constexpr std::array kCoarse{
    first("stage1.conv1", "conv1", 2),
    down("stage1.down_block1.conv1_downsample", "conv2_downsample", 4),
    plain("stage1.down_block1.conv2", "conv3", 4),
    down("stage1.down_block2.conv1_downsample", "conv4_downsample", 8),
    plain("stage1.down_block2.conv2", "conv5", 8),
    plain("stage1.conv_bn1", "conv6", 8),
    plain("stage1.conv_bn2", "conv7_atrous", 8, 2),
    plain("stage1.conv_bn3", "conv8_atrous", 8, 4),
    plain("stage1.conv_bn4", "conv9_atrous", 8, 8),
    plain("stage1.conv_bn5", "conv10_atrous", 8, 16),
    plain("stage1.conv_bn6", "conv11", 8),
    plain("stage1.conv_bn7", "conv12", 8),
    up("stage1.up_block1.conv1_upsample.conv", "conv13_upsample.conv", 4),
    plain("stage1.up_block1.conv2", "conv14", 4),
    up("stage1.up_block2.conv1_upsample.conv", "conv15_upsample.conv", 2),
    plain("stage1.up_block2.conv2", "conv16", 1),
    colours("stage1.conv_to_rgb", "conv17"),
};
constexpr std::array kConvolutions{
    first("stage2.conv_conv1", "xconv1", 2),
    down("stage2.conv_down_block1.conv1_downsample", "xconv2_downsample", 2),
    plain("stage2.conv_down_block1.conv2", "xconv3", 4),
    down("stage2.conv_down_block2.conv1_downsample", "xconv4_downsample", 4),
    plain("stage2.conv_down_block2.conv2", "xconv5", 8),
    plain("stage2.conv_conv_bn1", "xconv6", 8),
    plain("stage2.conv_conv_bn2", "xconv7_atrous", 8, 2),
    plain("stage2.conv_conv_bn3", "xconv8_atrous", 8, 4),
    plain("stage2.conv_conv_bn4", "xconv9_atrous", 8, 8),
    plain("stage2.conv_conv_bn5", "xconv10_atrous", 8, 16),
};
constexpr std::array kBeforeAttention{
    first("stage2.ca_conv1", "pmconv1", 2),
    down("stage2.ca_down_block1.conv1_downsample", "pmconv2_downsample", 2),
    plain("stage2.ca_down_block1.conv2", "pmconv3", 4),
    down("stage2.ca_down_block2.conv1_downsample", "pmconv4_downsample", 8),
    plain("stage2.ca_down_block2.conv2", "pmconv5", 8),
    relu("stage2.ca_conv_bn1", "pmconv6", 8),
};
constexpr std::array kAfterAttention{
    plain("stage2.ca_conv_bn4", "pmconv9", 8),
    plain("stage2.ca_conv_bn5", "pmconv10", 8),
};
constexpr std::array kDecoder{
    plain("stage2.conv_bn6", "allconv11", 8),
    plain("stage2.conv_bn7", "allconv12", 8),
    up("stage2.up_block1.conv1_upsample.conv", "allconv13_upsample.conv", 4),
    plain("stage2.up_block1.conv2", "allconv14", 4),
    up("stage2.up_block2.conv1_upsample.conv", "allconv15_upsample.conv", 2),
    plain("stage2.up_block2.conv2", "allconv16", 1),
    colours("stage2.conv_to_rgb", "allconv17"),
};
constexpr DeepFillLayers kLayers{kCoarse, kConvolutions, kBeforeAttention, kAfterAttention, kDecoder};

}  // namespace

const DeepFillLayers& deepfill_layers() {
  return kLayers;
}

}  // namespace infill::inference
