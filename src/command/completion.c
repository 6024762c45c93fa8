/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for bash and zsh. Values are completed as files where the option's help calls them
 * so. */
#include "command/generate.h"
#include "command/report.h"

#include <stdio.h>
#include <string.h>

static bool takes_file(const struct described_option *option)
{
    return option->value && (strstr(option->value, "FILE") || strstr(option->value, "DIR") ||
                             strstr(option->value, "PATH"));
}

/* ---- bash ---- */

/* The words that stand behind "pactolus" on the line, as `case` compares them. */
static void bash_options(struct buf *out, const struct described *one)
{
    buf_printf(out, "    '%s')\n        opts='", one->name);
    for (unsigned i = 0; i < one->n_options; i++)
        buf_printf(out, "%s--%s", i ? " " : "", one->options[i].name);
    buf_puts(out, "'\n        files='");
    for (unsigned i = 0, any = 0; i < one->n_options; i++)
        if (takes_file(&one->options[i]))
            buf_printf(out, "%s--%s", any++ ? " " : "", one->options[i].name);
    buf_puts(out, "'\n        values='");
    for (unsigned i = 0, any = 0; i < one->n_options; i++)
        if (one->options[i].value && !takes_file(&one->options[i]))
            buf_printf(out, "%s--%s", any++ ? " " : "", one->options[i].name);
    buf_puts(out, "'\n        ;;\n");
}

static void put_words(struct buf *out, const struct described *all, unsigned n, const char *family)
{
    size_t length = family ? strlen(family) : 0;
    for (unsigned i = 0, any = 0; i < n; i++) {
        bool below = strchr(all[i].name, ' ') != NULL;
        if (family
                ? below && strncmp(all[i].name, family, length) == 0 && all[i].name[length] == ' '
                : !below)
            buf_printf(out, "%s%s", any++ ? " " : "", all[i].verb->name);
    }
}

static const char bash_head[] =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# bash completion for pactolus; made by pactolus --generate bash\n"
    "_pactolus() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local opts='' files='' values='' words='' verb=${COMP_WORDS[1]-}\n"
    "    COMPREPLY=()\n";

static const char bash_tail[] =
    "    if [[ \" $files \" == *\" $prev \"* ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    elif [[ \" $values \" == *\" $prev \"* ]]; then\n"
    "        COMPREPLY=()\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\")\n"
    "    elif [[ -n $words ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "    else\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -F _pactolus pactolus\n";

void completion_bash(struct buf *out)
{
    unsigned n;
    struct described *all = describe_all(&n);
    buf_puts(out, bash_head);
    buf_puts(out, "    if ((COMP_CWORD == 1)); then\n        words='");
    put_words(out, all, n, NULL);
    buf_puts(out, " help'\n        opts='--help --version --help-settings'\n    fi\n"
                  "    case $verb in\n");
    for (unsigned i = 0; i < n; i++)
        if (all[i].family) {
            buf_printf(out, "    %s)\n        if ((COMP_CWORD == 2)); then\n            words='",
                       all[i].name);
            put_words(out, all, n, all[i].name);
            buf_puts(out, "'\n            opts='--help'\n        fi\n"
                          "        verb=\"$verb ${COMP_WORDS[2]-}\"\n        ;;\n");
        }
    buf_puts(out, "    esac\n    ((COMP_CWORD == 1)) || case $verb in\n");
    for (unsigned i = 0; i < n; i++)
        if (!all[i].family)
            bash_options(out, &all[i]);
    buf_puts(out, "    esac\n");
    buf_puts(out, bash_tail);
    described_free(all, n);
}

/* ---- zsh ---- */

/* Within '…' and within the […] of an option's text. */
static void zsh_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_puts(out, "'\\''");
        else if (*text == '[' || *text == ']' || *text == ':' || *text == '\\')
            buf_printf(out, "\\%c", *text);
        else
            buf_putc(out, *text);
    }
}

static void zsh_option(struct buf *out, const struct described_option *option)
{
    const char *words[2] = {option->name, NULL};
    char letter[3] = {'-', option->letter, '\0'};
    if (option->letter)
        words[1] = letter;
    for (unsigned i = 0; i < 2 && words[i]; i++) {
        buf_printf(out, " \\\n            '%s%s%s[", i == 0 ? "--" : "", words[i],
                   option->value && i == 0 ? "="
                   : option->value         ? "+"
                                           : "");
        zsh_text(out, option->text);
        buf_putc(out, ']');
        if (option->value) {
            buf_putc(out, ':');
            zsh_text(out, option->value);
            buf_puts(out, takes_file(option) ? ":_files" : ": ");
        }
        buf_putc(out, '\'');
    }
}

static void zsh_verbs(struct buf *out, const struct described *all, unsigned n, const char *family)
{
    size_t length = family ? strlen(family) : 0;
    for (unsigned i = 0; i < n; i++) {
        bool below = strchr(all[i].name, ' ') != NULL;
        if (family
                ? !below || strncmp(all[i].name, family, length) != 0 || all[i].name[length] != ' '
                : below)
            continue;
        buf_printf(out, "        '%s:", all[i].verb->name);
        zsh_text(out, all[i].verb->summary);
        buf_puts(out, "'\n");
    }
}

void completion_zsh(struct buf *out)
{
    unsigned n;
    struct described *all = describe_all(&n);
    buf_puts(out, "#compdef pactolus\n"
                  "# SPDX-License-Identifier: Apache-2.0\n"
                  "# zsh completion for pactolus; made by pactolus --generate zsh\n"
                  "_pactolus() {\n"
                  "    local -a verbs\n"
                  "    local verb=$words[2]\n"
                  "    verbs=(\n");
    zsh_verbs(out, all, n, NULL);
    buf_puts(out, "    )\n    if ((CURRENT == 2)); then\n"
                  "        _describe -t verbs verb verbs\n        return\n    fi\n"
                  "    case $verb in\n");
    for (unsigned i = 0; i < n; i++)
        if (all[i].family) {
            buf_printf(out, "    %s)\n        verbs=(\n", all[i].name);
            zsh_verbs(out, all, n, all[i].name);
            buf_puts(out, "        )\n        if ((CURRENT == 3)); then\n"
                          "            _describe -t verbs verb verbs\n            return\n"
                          "        fi\n        verb=\"$verb $words[3]\"\n        ;;\n");
        }
    buf_puts(out, "    esac\n    case $verb in\n");
    for (unsigned i = 0; i < n; i++) {
        if (all[i].family)
            continue;
        buf_printf(out, "    '%s')\n        _arguments -s -S", all[i].name);
        for (unsigned k = 0; k < all[i].n_options; k++)
            zsh_option(out, &all[i].options[k]);
        buf_puts(out, " \\\n            '*::operand:_files'\n        ;;\n");
    }
    buf_puts(out, "    esac\n}\n_pactolus \"$@\"\n");
    described_free(all, n);
}

/* ---- pactolus --generate ---- */

int generate(int argc, char **argv)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    if (argc == 2 && strcmp(argv[0], "man") == 0)
        return manual_write(argv[1], &err) ? ERR_EXIT_OK : report_err(&err);
    if (argc == 1 && strcmp(argv[0], "bash") == 0)
        completion_bash(&out);
    else if (argc == 1 && strcmp(argv[0], "zsh") == 0)
        completion_zsh(&out);
    if (!out.data) {
        err_set(&err, ERR_HALT, ERR_EXIT_USAGE, "--generate takes: man DIR, bash, or zsh");
        return report_err(&err);
    }
    fputs(out.data, stdout);
    buf_free(&out);
    return ERR_EXIT_OK;
}
