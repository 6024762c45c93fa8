/* SPDX-License-Identifier: Apache-2.0 */
#include "command/compile.h"

#include "command/tool.h"

#include <string.h>
#include <unistd.h>

#define OWN_OPTIONS PACTOLUS_DATADIR "/proto"

bool compile_wanted(const char *path)
{
    size_t length = strlen(path);
    return length > 6 && strcmp(path + length - 6, ".proto") == 0;
}

static void add_imports(struct tool *tool, const char *proto, const char *const *imports,
                        unsigned n_imports)
{
    const char *slash = strrchr(proto, '/');
    for (unsigned i = 0; i < n_imports; i++)
        tool_add(tool, "-I%s", imports[i]);
    if (!n_imports && slash)
        tool_add(tool, "-I%.*s", (int)(slash - proto) + 1, proto);
    else if (!n_imports)
        tool_add(tool, "-I.");
    if (access(OWN_OPTIONS, R_OK) == 0)
        tool_add(tool, "-I" OWN_OPTIONS);
}

bool compile_proto(const char *proto, const char *const *imports, unsigned n_imports,
                   const char *out, struct err *err)
{
    struct tool tool = {0};
    int code = -1;
    tool_add(&tool, "protoc");
    tool_add(&tool, "--include_imports");
    tool_add(&tool, "--include_source_info");
    add_imports(&tool, proto, imports, n_imports);
    tool_add(&tool, "--descriptor_set_out=%s", out);
    /* A name that begins with a dash is still a file's. */
    tool_add(&tool, "%s%s", *proto == '-' ? "./" : "", proto);
    bool good = tool_run(&tool, NULL, false, &code, err);
    tool_free(&tool);
    if (good)
        return true;
    err_place(err, "%s", proto);
    if (code < 0)
        return err_hint(err, "install protobuf-compiler, or give a descriptor set (buf build -o "
                             "FILE.binpb)");
    err_set(err, ERR_HALT, ERR_EXIT_CONFIG, "protoc refuses it");
    err_place(err, "%s", proto);
    return err_hint(err, "its words are above; -I DIR names where imports are found");
}
