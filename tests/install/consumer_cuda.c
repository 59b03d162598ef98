#include <infill.h>
#include <stdio.h>
#include <string.h>

/* Makes a context of a device. 0 when it is made, or when its refusal says what the argument says. */
int main(int argc, char** argv) {
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  infill_context* context = NULL;
  infill_error error = INFILL_ERROR_INIT;
  infill_status status;
  desc.device_type = INFILL_DEVICE_CUDA;
  status = infill_context_create(&desc, &context, &error);
  infill_context_destroy(context);
  printf("%d: %s\n", (int)status, error.message);
  if (status == INFILL_OK) return 0;
  return argc > 1 && status == INFILL_ERROR_NO_DEVICE && strstr(error.message, argv[1]) != NULL ? 0 : 1;
}
