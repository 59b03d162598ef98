// One step of adversarial training: DeepFill v2's generator against SN-PatchGAN, with the hinge loss of the
// paper (Yu et al. 2019, arXiv 1806.03589) and an L1 loss on both results.
//
// Small networks and a made-up picture, so that it takes a second. Exits with 1 if the step did not bring the
// result nearer to the picture.
#include <infill/torch/deepfill.h>
#include <infill/torch/discriminator.h>
#include <torch/torch.h>

#include <cstdio>

namespace {

struct Batch {
  torch::Tensor image;  // [N, 3, H, W], -1 to 1
  torch::Tensor mask;   // [N, 1, H, W], 1 = hole
};

// Waves, and a rectangular hole.
Batch make_batch(int64_t size) {
  const auto along = torch::linspace(0, 9, size);
  const auto wave = (along.view({size, 1}) + 2 * along).sin();
  auto mask = torch::zeros({1, 1, size, size});
  mask.narrow(2, size / 4, size / 3).narrow(3, size / 3, size / 2).fill_(1);
  return {torch::stack({wave, wave.t(), -wave}).unsqueeze(0), mask};
}

torch::Tensor reconstruction_loss(const infill::nn::DeepFillResult& result, const Batch& batch) {
  return (result.coarse - batch.image).abs().mean() + (result.refined - batch.image).abs().mean();
}

}  // namespace

int main() {
  torch::manual_seed(1);
  const Batch batch = make_batch(64);
  infill::nn::DeepFill generator(infill::nn::DeepFillOptions{.width = 16});
  infill::nn::PatchDiscriminator discriminator(infill::nn::PatchDiscriminatorOptions{.width = 16});
  torch::optim::Adam generator_steps(generator->parameters(), torch::optim::AdamOptions(1e-3));
  torch::optim::Adam discriminator_steps(discriminator->parameters(), torch::optim::AdamOptions(1e-3));

  const auto result = generator->forward(batch.image, batch.mask);
  const auto filled = batch.image * (1 - batch.mask) + result.refined * batch.mask;
  const auto judge = [&](const torch::Tensor& picture) {
    return discriminator->forward(torch::cat({picture, batch.mask}, 1));
  };

  discriminator_steps.zero_grad();
  const auto judged =
      torch::relu(1 - judge(batch.image)).mean() + torch::relu(1 + judge(filled.detach())).mean();
  judged.backward();
  discriminator_steps.step();

  generator_steps.zero_grad();
  const auto before = reconstruction_loss(result, batch);
  const auto loss = before - judge(filled).mean();
  loss.backward();
  generator_steps.step();

  const auto after = reconstruction_loss(generator->forward(batch.image, batch.mask), batch);
  std::printf("discriminator %.4f, generator %.4f, reconstruction %.4f -> %.4f\n", judged.item<double>(),
              loss.item<double>(), before.item<double>(), after.item<double>());
  return after.item<double>() < before.item<double>() ? 0 : 1;
}
