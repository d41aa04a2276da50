/* Command line, unique id, and restart of the process in place of a chip's reset. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "native.h"

struct native_options native_options = {.id = "native-0", .id_len = 8, .udp_port = 5683, .pty = true};
struct native_files native_files = {.pty_master = -1, .pty_slave = -1, .udp = -1, .flash = -1};

static char **program_argv;
static hal_reset_cause reset_cause = HAL_RESET_POWER;
static enum hal_start this_start;

/* What a restart hands to itself: its cause, how it is to start, and open files. The text is in the
 * environment from the start, so that a signal handler needs to change one digit only. */
#define RESTART_VARIABLE "WASMOTE_NATIVE_RESTART"
enum { RESTART_CAUSE_AT = sizeof RESTART_VARIABLE }; /* the digit after NAME= */
enum { RESTART_HOW_AT = RESTART_CAUSE_AT + 2 };
static char restart_text[sizeof RESTART_VARIABLE + 54];

static const char usage[] =
    "A wasmote node as a Linux process.\n\n"
    "  --id HEX      unique id, 1 to 16 bytes in hexadecimal (default 6e61746976652d30)\n"
    "  --udp PORT    CoAP over UDP on 127.0.0.1:PORT; 0 takes any free port (default 5683)\n"
    "  --no-udp      no UDP\n"
    "  --no-pty      no pseudo-terminal with slipmux\n"
    "  --flash FILE  what survives a restart (default: nothing does, but a reset)\n"
    "  --key FILE    an OpenSSH public key (Ed25519) to trust, up to four times; only where the flash "
    "is new\n"
    "  --clock US    where its clock starts: what shows after years (default 0)\n"
    "  --without-modules  start no module: the boot escape\n"
    "  --help        this text\n\n"
    "The first line on stdout is JSON: {\"board\",\"id\",\"pid\",\"pty\",\"udp\"}.\n";

void native_die(const char *what) {
    fprintf(stderr, "native board: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static _Noreturn void refuse(const char *option, const char *value, const char *wants) {
    fprintf(stderr, "native board: %s %s: wants %s; see --help\n", option, value, wants);
    exit(2);
}

static void parse_id(const char *hex) {
    size_t digits = strlen(hex);
    if (digits == 0 || digits % 2 || digits / 2 > sizeof native_options.id ||
        strspn(hex, "0123456789abcdefABCDEF") != digits)
        refuse("--id", hex, "1 to 16 bytes in hexadecimal");
    native_options.id_len = digits / 2;
    for (size_t i = 0; i < native_options.id_len; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        native_options.id[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void parse_port(const char *text) {
    char *end;
    long port = strtol(text, &end, 10);
    if (*text == 0 || *end || port < 0 || port > 65535)
        refuse("--udp", text, "a port, 0 to 65535");
    native_options.udp_port = (int)port;
}

static void parse_clock(const char *text) {
    char *end;
    errno = 0;
    native_options.clock_us = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        refuse("--clock", text, "microseconds");
}

static void add_key(const char *path) {
    size_t place = 0;
    while (place < STORE_KEYS_MAX && native_options.key[place])
        place++;
    if (place == STORE_KEYS_MAX)
        refuse("--key", path, "to be one of four at most");
    native_options.key[place] = path;
}

static void take_option(int option) {
    switch (option) {
    case 'i':
        parse_id(optarg);
        break;
    case 'u':
        parse_port(optarg);
        break;
    case 'U':
        native_options.udp_port = -1;
        break;
    case 'P':
        native_options.pty = false;
        break;
    case 'f':
        native_options.flash = optarg;
        break;
    case 'c':
        parse_clock(optarg);
        break;
    case 'k':
        add_key(optarg);
        break;
    case 'M':
        native_options.without_modules = true;
        break;
    case 'h':
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    default:
        exit(2);
    }
}

static void parse_options(int argc, char **argv) {
    static const struct option known[] = {
        {"id", required_argument, NULL, 'i'},    {"udp", required_argument, NULL, 'u'},
        {"no-udp", no_argument, NULL, 'U'},      {"no-pty", no_argument, NULL, 'P'},
        {"flash", required_argument, NULL, 'f'}, {"clock", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},   {"without-modules", no_argument, NULL, 'M'},
        {"help", no_argument, NULL, 'h'},        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        take_option(option);
    if (optind < argc)
        refuse("argument", argv[optind], "to be left out");
    if (!native_options.pty && native_options.udp_port < 0)
        refuse("--no-pty", "--no-udp", "one of the two: the node could not be reached");
}

/* Runs before main(), which the firmware has without arguments; glibc and musl's dynamic loader
 * hand argc and argv to constructors. */
__attribute__((constructor)) static void native_start(int argc, char **argv) {
    program_argv = argv;
    parse_options(argc, argv);
    const char *restart = getenv(RESTART_VARIABLE);
    int cause, how;
    if (restart && sscanf(restart, "%d,%d,%d,%d,%d,%d", &cause, &how, &native_files.pty_master,
                          &native_files.pty_slave, &native_files.udp, &native_files.flash) == 6) {
        reset_cause = (hal_reset_cause)cause;
        this_start = (enum hal_start)how;
    }
}

bool native_is_restart(void) {
    return reset_cause != HAL_RESET_POWER;
}

void native_prepare_restart(void) {
    snprintf(restart_text, sizeof restart_text, RESTART_VARIABLE "=0,0,%d,%d,%d,%d",
             native_files.pty_master, native_files.pty_slave, native_files.udp, native_files.flash);
    putenv(restart_text);
}

void native_restart(hal_reset_cause cause) {
    restart_text[RESTART_CAUSE_AT] = (char)('0' + cause);
    execv("/proc/self/exe", program_argv);
    _exit(EXIT_FAILURE);
}

void hal_reset(void) {
    native_restart(HAL_RESET_SOFTWARE);
}

bool hal_can_restart(enum hal_start how) {
    return how != HAL_START_LOADER;
}

void hal_restart(enum hal_start how) {
    restart_text[RESTART_HOW_AT] = (char)('0' + (int)how);
    native_restart(HAL_RESET_SOFTWARE);
}

hal_reset_cause hal_get_reset_cause(void) {
    return reset_cause;
}

bool hal_starts_without_modules(void) {
    return native_options.without_modules || this_start == HAL_START_WITHOUT_MODULES;
}

const char *hal_last_fault(void) {
    return NULL; /* a fault ends the process */
}

size_t hal_unique_id(uint8_t *out, size_t cap) {
    size_t len = native_options.id_len < cap ? native_options.id_len : cap;
    memcpy(out, native_options.id, len);
    return len;
}
