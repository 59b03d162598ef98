#include <infill.h>
#include <stdio.h>

/* Fills one pixel in the middle of a flat picture: 0 when it gets the colour around it. */
int main(void) {
  unsigned char pixels[7 * 7], holes[7 * 7] = {0};
  infill_image picture = INFILL_IMAGE_INIT, mask = INFILL_IMAGE_INIT;
  infill_error error;
  int i;
  for (i = 0; i < 49; ++i) pixels[i] = 100;
  pixels[24] = 0;
  holes[24] = 255;
  picture.format = mask.format = INFILL_FORMAT_GRAY8;
  picture.width = picture.height = mask.width = mask.height = 7;
  picture.data = pixels;
  mask.data = holes;
  if (infill_fill_classic(&picture, &mask, &picture, INFILL_METHOD_HARMONIC, &error) != INFILL_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  printf("%s: %d\n", infill_build_info(), pixels[24]);
  return pixels[24] == 100 ? 0 : 1;
}
