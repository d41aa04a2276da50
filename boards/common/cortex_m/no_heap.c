/* newlib-nano's printf family refers to the allocator for asprintf() and buffered files, neither of
 * which we have: these stand in, so that the link needs no heap. An image in which malloc() itself
 * turns up is refused by the build (family.mk). */
#include <reent.h>
#include <stdlib.h>

void *_malloc_r(struct _reent *reent, size_t len) {
    (void)reent;
    (void)len;
    return NULL;
}

void *_realloc_r(struct _reent *reent, void *old, size_t len) {
    (void)reent;
    (void)old;
    (void)len;
    return NULL;
}

void _free_r(struct _reent *reent, void *old) {
    (void)reent;
    (void)old;
}
