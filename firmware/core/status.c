#include "core/status.h"

const char *wm_status_text(wm_status status) {
    switch (status) {
    case WM_OK:
        return "ok";
    case WM_EINVAL:
        return "malformed or out of range";
    case WM_ENOENT:
        return "no such thing";
    case WM_ENOMEM:
        return "out of memory";
    case WM_EBUSY:
        return "in use";
    case WM_EAGAIN:
        return "not ready yet";
    case WM_EIO:
        return "hardware error";
    case WM_EPERM:
        return "not allowed";
    case WM_ENOTSUP:
        return "not supported";
    case WM_EDIGEST:
        return "digest does not match";
    case WM_ETRAP:
        return "trapped";
    case WM_EBUDGET:
        return "time budget exceeded";
    }
    return "unknown error";
}
