/* SPDX-License-Identifier: Apache-2.0 */
/* replay FOLDER…: a fuzzer's inputs once more, without libFuzzer: what was found stays mended. */
#include "base/buf.h"
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1024 * 1024 };

static bool run_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *data = file ? mem_zero(INPUT_MAX, 1) : NULL;
    size_t size = file ? fread(data, 1, INPUT_MAX, file) : 0;
    if (file)
        fclose(file);
    /* As large as the input, so that a read behind it is seen. */
    uint8_t *input = mem_zero(size + 1, 1);
    if (size)
        memcpy(input, data, size);
    input = mem_grow(input, size ? size : 1, 1);
    if (file)
        LLVMFuzzerTestOneInput(input, size);
    else
        perror(path);
    free(input);
    free(data);
    return file != NULL;
}

int main(int argc, char **argv)
{
    unsigned inputs = 0;
    bool good = argc > 1;
    for (int i = 1; i < argc; i++) {
        struct dirent *entry;
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        while ((entry = readdir(folder))) {
            if (*entry->d_name == '.')
                continue;
            good &= run_file(argv[i], entry->d_name);
            inputs++;
        }
        closedir(folder);
    }
    printf("%u inputs\n", inputs);
    return good && inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
