/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wan - a wide-area line in userspace, for kernels without netem: joins two network namespaces by
 * a TUN device in each and carries packets between them with a set delay, bandwidth and loss.
 *
 *     ip netns add left; ip netns add right
 *     wan --a left --b right --rtt 20 &        # prints one JSON line once both ends are up
 *     nsenter --net=/run/netns/right server &
 *     nsenter --net=/run/netns/left client 10.213.0.2
 *
 *   --a NETNS, --b NETNS    the two ends: names below /run/netns, or paths
 *   --rtt MS                round-trip time, half of it each way; fractions are taken (default 0)
 *   --rate MBIT             bandwidth each way in Mbit/s (default 0: none set)
 *   --queue MS              packets that would wait longer than this for the bandwidth are dropped,
 *                           as a router with a full buffer does (default 100)
 *   --loss PERCENT          packets dropped at random, each way (default 0)
 *   --seed N                of that chance (default 1)
 *   --mtu BYTES             default 1500
 *   --address-a, --address-b ADDR   default 10.213.0.1 and 10.213.0.2
 *   --device NAME           name of the device at both ends (default wan0)
 *   --offload auto|on|off   whether a packet on the line may stand for up to 64 KiB of TCP segments
 *                           (as with TSO on a network card). It is what makes several Gbit/s
 *                           possible; auto uses it unless loss or a bandwidth under 500 Mbit/s
 *                           asks for packets of their true size.
 *
 * The line and its devices last until SIGINT or SIGTERM, or until the parent dies. At the end the
 * packets carried, lost and dropped and the lateness of deliveries go to stderr. Needs root. Run it
 * with spare CPU: one thread a direction, at real-time priority where that is allowed, so that busy
 * clients and servers do not add to the delay.
 *
 * How: a thread reads its end's device without blocking, stamps each packet with the time when it
 * is due at the other end, appends it to a ring buffer, and writes out those that are due. All
 * packets of a direction have the same delay, so the ring stays sorted. It sleeps in ppoll, woken
 * by a packet or at the nanosecond when the first in the ring is due. A full ring drops.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S         INT64_C(1000000000)
#define NS_PER_MS        INT64_C(1000000)
#define RING_BYTES       ((size_t)256 << 20)
#define PACKET_MAX       (sizeof(struct virtio_net_hdr) + 65535)
#define BURST            32 /* packets read before due ones are looked for again */
#define QUEUE_LENGTH     4096
#define OFFLOAD_MIN_MBIT 500.0

typedef struct {
    const char *netns[2];
    const char *address[2];
    const char *device;
    double rtt_ms, rate_mbit, loss_percent, queue_ms;
    uint64_t seed;
    int mtu;
    int offload; /* -1 auto, else a boolean */
} Options;

/* One packet in the ring, its bytes behind it. */
typedef struct {
    int64_t due_ns;
    size_t length;
} Packet;

/* One way of the line. Its thread alone touches it until it has been joined. */
typedef struct {
    int from, to; /* TUN devices */
    int wake;     /* becomes readable when it is time to stop */
    int64_t delay_ns, queue_ns;
    double ns_per_byte; /* 0: no bandwidth set */
    uint64_t loss;      /* a packet is lost when the next random number is below it */
    uint64_t random;
    int64_t free_ns; /* when the bandwidth has carried all that came so far */
    /* The ring is mapped twice in a row, so that a packet across its end is contiguous. Positions
     * only grow; modulo RING_BYTES they are offsets. */
    unsigned char *ring;
    size_t head, tail;
    int64_t packets, bytes, lost, dropped, refused;
    int64_t late_sum_ns, late_max_ns;
} RemoteMethod;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* xorshift64*: good enough to choose which packets are lost, and the same for a seed everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* The ring's memory, RING_BYTES of it mapped twice one behind the other. */
static unsigned char *map_ring(void)
{
    int fd = memfd_create("wan-ring", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)RING_BYTES) != 0)
        err(1, "ring buffer");
    unsigned char *both = mmap(NULL, 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (both == MAP_FAILED)
        err(1, "ring buffer");
    for (size_t i = 0; i < 2; i++) {
        void *half = mmap(both + i * RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_FIXED, fd, 0);
        if (half == MAP_FAILED)
            err(1, "ring buffer");
    }
    close(fd);
    return both;
}

static size_t packet_stride(size_t length)
{
    size_t align = _Alignof(Packet);
    return (sizeof(Packet) + length + align - 1) / align * align;
}

/* Bytes that a packet takes on a real wire: one that stands for many segments (offload) has the
 * headers of each. */
static size_t wire_bytes(const unsigned char *bytes, size_t length)
{
    struct virtio_net_hdr header;
    memcpy(&header, bytes, sizeof header);
    size_t packet = length - sizeof header;
    if (header.gso_type == VIRTIO_NET_HDR_GSO_NONE || header.gso_size == 0 ||
        packet <= header.hdr_len)
        return packet;
    size_t segments = (packet - header.hdr_len + header.gso_size - 1) / header.gso_size;
    return packet + (segments - 1) * header.hdr_len;
}

/* When a packet of that size which arrives now is due at the other end, or -1 if the line drops it.
 */
static int64_t schedule(RemoteMethod *way, const unsigned char *bytes, size_t length, int64_t now)
{
    if (way->ns_per_byte > 0) {
        int64_t start = way->free_ns > now ? way->free_ns : now;
        if (start - now > way->queue_ns) {
            way->dropped++;
            return -1;
        }
        way->free_ns = start + (int64_t)(way->ns_per_byte * (double)wire_bytes(bytes, length));
        now = way->free_ns;
    }
    if (way->loss > 0 && next_random(&way->random) < way->loss) {
        way->lost++;
        return -1;
    }
    return now + way->delay_ns;
}

/* Takes up to BURST packets from the device into the ring. */
static void take(RemoteMethod *way)
{
    for (int i = 0; i < BURST; i++) {
        unsigned char spare[PACKET_MAX];
        size_t used = way->tail - way->head;
        bool room = RING_BYTES - used >= packet_stride(PACKET_MAX);
        unsigned char *slot = way->ring + way->tail % RING_BYTES;
        unsigned char *bytes = room ? slot + sizeof(Packet) : spare;
        ssize_t got = read(way->from, bytes, PACKET_MAX);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got < (ssize_t)sizeof(struct virtio_net_hdr))
            err(1, "read from the TUN device");
        if (!room) {
            way->dropped++;
            continue;
        }
        int64_t due = schedule(way, bytes, (size_t)got, now_ns());
        if (due < 0)
            continue;
        Packet packet = {due, (size_t)got};
        memcpy(slot, &packet, sizeof packet);
        way->tail += packet_stride(packet.length);
    }
}

/* Writes out what is due. Returns the time when the next packet is due, or -1 for an empty ring. */
static int64_t deliver(RemoteMethod *way)
{
    int64_t now = now_ns();
    while (way->head < way->tail) {
        unsigned char *slot = way->ring + way->head % RING_BYTES;
        Packet packet;
        memcpy(&packet, slot, sizeof packet);
        if (packet.due_ns > now && packet.due_ns > (now = now_ns()))
            return packet.due_ns;
        int64_t late = now - packet.due_ns;
        way->late_sum_ns += late;
        way->late_max_ns = late > way->late_max_ns ? late : way->late_max_ns;
        way->packets++;
        way->bytes += (int64_t)(packet.length - sizeof(struct virtio_net_hdr));
        /* The receiving stack may refuse one (device down, no memory): lost, as on any line. */
        if (write(way->to, slot + sizeof(Packet), packet.length) < 0)
            way->refused++;
        way->head += packet_stride(packet.length);
    }
    /* Start again at the same memory, which the CPU has in its cache. */
    way->head = way->tail = 0;
    return -1;
}

static void *carry(void *data)
{
    RemoteMethod *way = data;
    prctl(PR_SET_TIMERSLACK, 1UL);
    struct pollfd fds[2] = {{way->from, POLLIN, 0}, {way->wake, POLLIN, 0}};
    for (;;) {
        int64_t due = deliver(way);
        struct timespec wait = {0, 0};
        if (due >= 0) {
            int64_t left = due - now_ns();
            left = left > 0 ? left : 0;
            wait = (struct timespec){left / NS_PER_S, left % NS_PER_S};
        }
        if (ppoll(fds, 2, due >= 0 ? &wait : NULL, NULL) < 0 && errno != EINTR)
            err(1, "poll");
        if (fds[1].revents != 0)
            return NULL;
        if (fds[0].revents != 0)
            take(way);
    }
}

static void set_interface(int control, unsigned long request, struct ifreq *interface,
                          const char *what)
{
    if (ioctl(control, request, interface) != 0)
        err(1, "%s: %s", interface->ifr_name, what);
}

static void set_address(int control, unsigned long request, struct ifreq *interface,
                        const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
        errx(1, "%s is not an IPv4 address", address);
    memcpy(&interface->ifr_addr, &in, sizeof in);
    set_interface(control, request, interface, address);
}

/* Brings an interface of the current namespace up. */
static void set_up(int control, const char *device)
{
    struct ifreq interface = {0};
    snprintf(interface.ifr_name, sizeof interface.ifr_name, "%s", device);
    set_interface(control, SIOCGIFFLAGS, &interface, "flags");
    interface.ifr_flags = (short)(interface.ifr_flags | IFF_UP);
    set_interface(control, SIOCSIFFLAGS, &interface, "up");
}

/* Makes end 0 or 1 of the line in the current network namespace. Returns the TUN device. */
static int open_end(const Options *options, int end, bool offload)
{
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0)
        err(1, "/dev/net/tun");
    struct ifreq interface = {0};
    snprintf(interface.ifr_name, sizeof interface.ifr_name, "%s", options->device);
    interface.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    set_interface(tun, TUNSETIFF, &interface, "create the TUN device");
    unsigned int features = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;
    if (ioctl(tun, TUNSETOFFLOAD, (unsigned long)features) != 0)
        err(1, "%s: offload", options->device);

    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0)
        err(1, "socket");
    interface.ifr_mtu = options->mtu;
    set_interface(control, SIOCSIFMTU, &interface, "MTU");
    interface.ifr_qlen = QUEUE_LENGTH;
    set_interface(control, SIOCSIFTXQLEN, &interface, "queue length");
    set_address(control, SIOCSIFADDR, &interface, options->address[end]);
    set_address(control, SIOCSIFDSTADDR, &interface, options->address[1 - end]);
    set_up(control, options->device);
    set_up(control, "lo");
    close(control);
    return tun;
}

/* Moves this thread into a network namespace. */
static void enter(const char *netns)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
        err(1, "network namespace %s", path);
    close(fd);
}

static double number(const char *name, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= least && value <= most))
        errx(2, "--%s %s: a number from %g to %g is wanted", name, text, least, most);
    return value;
}

static int offload_choice(const char *text)
{
    static const char *const words[] = {"auto", "off", "on"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, words[i]) == 0)
            return i - 1;
    errx(2, "--offload %s: auto, on or off is wanted", text);
}

static void parse(int argc, char **argv, Options *options)
{
    static const struct option words[] = {
        {"a", required_argument, NULL, 'a'},
        {"b", required_argument, NULL, 'b'},
        {"address-a", required_argument, NULL, 'A'},
        {"address-b", required_argument, NULL, 'B'},
        {"rtt", required_argument, NULL, 'r'},
        {"rate", required_argument, NULL, 'w'},
        {"queue", required_argument, NULL, 'q'},
        {"loss", required_argument, NULL, 'l'},
        {"seed", required_argument, NULL, 's'},
        {"mtu", required_argument, NULL, 'm'},
        {"device", required_argument, NULL, 'd'},
        {"offload", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    int word;
    while ((word = getopt_long_only(argc, argv, "", words, NULL)) != -1) {
        switch (word) {
        case 'a':
        case 'b':
            options->netns[word - 'a'] = optarg;
            break;
        case 'A':
        case 'B':
            options->address[word - 'A'] = optarg;
            break;
        case 'r':
            options->rtt_ms = number("rtt", optarg, 0, 60000);
            break;
        case 'w':
            options->rate_mbit = number("rate", optarg, 0, 1e6);
            break;
        case 'q':
            options->queue_ms = number("queue", optarg, 0, 60000);
            break;
        case 'l':
            options->loss_percent = number("loss", optarg, 0, 100);
            break;
        case 's':
            options->seed = (uint64_t)number("seed", optarg, 1, 4294967295.0);
            break;
        case 'm':
            options->mtu = (int)number("mtu", optarg, 576, 65535);
            break;
        case 'd':
            options->device = optarg;
            break;
        case 'o':
            options->offload = offload_choice(optarg);
            break;
        default:
            errx(2, "the comment at the top of wan.c explains the options");
        }
    }
    if (optind != argc || options->netns[0] == NULL || options->netns[1] == NULL)
        errx(2, "usage: wan --a NETNS --b NETNS [--rtt MS] [--rate MBIT] [--loss PERCENT] ...");
}

static void start_way(pthread_t *thread, RemoteMethod *way)
{
    int error = pthread_create(thread, NULL, carry, way);
    if (error != 0)
        errx(1, "thread: %s", strerror(error));
    struct sched_param priority = {.sched_priority = 1};
    error = pthread_setschedparam(*thread, SCHED_FIFO, &priority);
    if (error != 0)
        warnx("no real-time priority (%s): busy programs will add to the delay", strerror(error));
}

static void report(const char *name, const RemoteMethod *way)
{
    double mean = way->packets > 0 ? (double)way->late_sum_ns / (double)way->packets : 0;
    fprintf(stderr,
            "wan: %s: %" PRId64 " packets, %" PRId64 " bytes, %" PRId64 " lost, %" PRId64
            " dropped, %" PRId64 " refused; late by %.1f us on average, %.1f us at most\n",
            name, way->packets, way->bytes, way->lost, way->dropped, way->refused, mean / 1e3,
            (double)way->late_max_ns / 1e3);
}

int main(int argc, char **argv)
{
    Options options = {.address = {"10.213.0.1", "10.213.0.2"},
                       .device = "wan0",
                       .queue_ms = 100,
                       .seed = 1,
                       .mtu = 1500,
                       .offload = -1};
    parse(argc, argv, &options);
    bool offload = options.offload >= 0
                       ? options.offload > 0
                       : options.loss_percent <= 0 &&
                             (options.rate_mbit <= 0 || options.rate_mbit >= OFFLOAD_MIN_MBIT);

    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM);

    int tun[2], wake[2];
    for (int end = 0; end < 2; end++) {
        enter(options.netns[end]);
        tun[end] = open_end(&options, end, offload);
    }
    if (pipe2(wake, O_CLOEXEC) != 0)
        err(1, "pipe");

    RemoteMethod ways[2];
    pthread_t threads[2];
    for (int end = 0; end < 2; end++) {
        ways[end] = (RemoteMethod){
            .from = tun[end],
            .to = tun[1 - end],
            .wake = wake[0],
            .delay_ns = (int64_t)(options.rtt_ms / 2 * (double)NS_PER_MS),
            .queue_ns = (int64_t)(options.queue_ms * (double)NS_PER_MS),
            .ns_per_byte = options.rate_mbit > 0 ? 8e3 / options.rate_mbit : 0,
            .loss = options.loss_percent >= 100
                        ? UINT64_MAX
                        : (uint64_t)(options.loss_percent / 100 * 18446744073709551616.0),
            .random = options.seed * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)end,
            .ring = map_ring(),
        };
        start_way(&threads[end], &ways[end]);
    }
    printf("{\"a\": \"%s\", \"b\": \"%s\", \"rtt_ms\": %g, \"rate_mbit\": %g, \"loss_percent\": %g,"
           " \"offload\": %s}\n",
           options.address[0], options.address[1], options.rtt_ms, options.rate_mbit,
           options.loss_percent, offload ? "true" : "false");
    fflush(stdout);

    int signal_number;
    sigwait(&ending, &signal_number);
    close(wake[1]);
    for (int end = 0; end < 2; end++)
        pthread_join(threads[end], NULL);
    report("a to b", &ways[0]);
    report("b to a", &ways[1]);
    return 0;
}
