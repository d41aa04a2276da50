/* CoAP over UDP on the loopback interface. An address is kept as IPv6 (an IPv4-mapped one here),
 * scope and port, so that callers need not know the family. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "native.h"

enum { ADDR_IPV4_AT = 12, ADDR_PORT_AT = 20 };

int native_udp_open(int port) {
    struct sockaddr_in local = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (native_files.udp < 0) {
        native_files.udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (native_files.udp < 0 || bind(native_files.udp, (struct sockaddr *)&local, sizeof local) < 0)
            native_die("cannot open the UDP port (another node? choose one with --udp, 0 for any)");
    }
    socklen_t len = sizeof local;
    getsockname(native_files.udp, (struct sockaddr *)&local, &len);
    return ntohs(local.sin_port);
}

static void pack(uint8_t addr[HAL_ADDR_BYTES], const struct sockaddr_in *from) {
    memset(addr, 0, HAL_ADDR_BYTES);
    addr[10] = addr[11] = 0xff; /* ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2 */
    memcpy(addr + ADDR_IPV4_AT, &from->sin_addr, 4);
    memcpy(addr + ADDR_PORT_AT, &from->sin_port, 2);
}

static struct sockaddr_in unpack(const uint8_t addr[HAL_ADDR_BYTES]) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    memcpy(&to.sin_addr, addr + ADDR_IPV4_AT, 4);
    memcpy(&to.sin_port, addr + ADDR_PORT_AT, 2);
    return to;
}

int hal_udp_recv(uint8_t addr[HAL_ADDR_BYTES], uint8_t *out, size_t cap) {
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t got;
    do /* an empty datagram is no message, and 0 would mean that none waits */
        got = recvfrom(native_files.udp, out, cap, MSG_TRUNC, (struct sockaddr *)&from, &len);
    while (got == 0);
    if (got < 0)
        return 0; /* none, or the ICMP error of an earlier send: nothing to hand over */
    if ((size_t)got > cap)
        return WM_EINVAL;
    pack(addr, &from);
    return (int)got;
}

wm_status hal_udp_send(const uint8_t addr[HAL_ADDR_BYTES], const uint8_t *bytes, size_t len) {
    struct sockaddr_in to = unpack(addr);
    ssize_t sent = sendto(native_files.udp, bytes, len, 0, (struct sockaddr *)&to, sizeof to);
    return sent == (ssize_t)len ? WM_OK : WM_EIO;
}
