/* A program of an earlier release: compiled with the header beside it, run with today's library. 0: all is well. */
#include <stdio.h>

#include "infill.h"

int main(void) {
  unsigned char pixels[9 * 9], holes[9 * 9] = {0};
  infill_image image = INFILL_IMAGE_INIT, mask = INFILL_IMAGE_INIT;
  infill_context* context = NULL;
  infill_session* session = NULL;
  infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
  infill_fill_desc desc = INFILL_FILL_DESC_INIT;
  infill_result result = INFILL_RESULT_INIT;
  infill_error error = INFILL_ERROR_INIT;
  int i;
  for (i = 0; i < 81; ++i) pixels[i] = 90;
  pixels[40] = 0;
  holes[40] = 255;
  image.format = mask.format = INFILL_FORMAT_GRAY8;
  image.width = image.height = mask.width = mask.height = 9;
  image.data = pixels;
  mask.data = holes;
  session_desc.method = INFILL_METHOD_HARMONIC;
  desc.src = desc.dst = &image;
  desc.mask = &mask;
  desc.seed = 77;
  if (infill_context_create(NULL, &context, &error) != INFILL_OK ||
      infill_session_create(context, &session_desc, &session, &error) != INFILL_OK ||
      infill_fill(session, &desc, &error) != INFILL_OK ||
      infill_session_get_result(session, &result, &error) != INFILL_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  infill_session_destroy(session);
  infill_context_destroy(context);
  return pixels[40] == 90 && result.hole_pixels == 1 && result.seed == 77 ? 0 : 2;
}
