/* One error enum for the whole firmware: negative is an error, zero is success,
 * positive is a count. Nothing returns a bare -1. */
#ifndef WASMOTE_STATUS_H
#define WASMOTE_STATUS_H

typedef enum {
    WM_OK = 0,
    WM_EINVAL = -1,    /* malformed or out of range: never retry unchanged */
    WM_ENOENT = -2,    /* no such thing */
    WM_ENOMEM = -3,    /* a bounded buffer, table or arena is full */
    WM_EBUSY = -4,     /* in use by someone else: try again later */
    WM_EAGAIN = -5,    /* nothing now: more input or time is needed */
    WM_EIO = -6,       /* the hardware failed */
    WM_EPERM = -7,     /* not allowed in this mode or for this module */
    WM_ENOTSUP = -8,   /* understood, but this build or board cannot do it */
    WM_EDIGEST = -9,   /* bytes do not match their digest */
    WM_ETRAP = -10,    /* the module trapped */
    WM_EBUDGET = -11,  /* the module ran out of its time budget (also a trap) */
    WM_ETOOLARGE = -12 /* more bytes than this build or board takes of it */
} wm_status;

#endif
