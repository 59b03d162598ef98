#include <cstdio>
#include <infill.hpp>

// What README.md shows: 0 when the pixel in the middle of a flat picture gets the colour around it.
int main() {
  unsigned char pixels[49], holes[49] = {0};
  for (unsigned char& pixel : pixels) pixel = 100;
  pixels[24] = 0;
  holes[24] = 1;
  infill_image photo = infill::image(INFILL_FORMAT_GRAY8, 7, 7, pixels);
  infill_image mask = infill::image(INFILL_FORMAT_MASK8, 7, 7, holes);
  try {
    infill::fill_classic(photo, mask, photo, INFILL_METHOD_HARMONIC);
  } catch (const infill::error& problem) {
    std::puts(problem.what());
    return 1;
  }
  return pixels[24] == 100 && infill_version() == INFILL_VERSION ? 0 : 1;
}
