// Opens WebSockets, publishes, and counts what arrives: as little work as can be, so that the server is what is measured.
//
// Orders come on stdin, one a line; each is answered with one line of JSON. What is sent is made by whoever gives the orders.
//   open FILE AT_ONCE    open the sockets of FILE: each a handshake, then what is waited for and what is sent next, in turn
//   run FILE HOST PORT WINDOW RATE JOBS FAN_OUT    publish the commands of FILE, so many in flight or so many a second;
//                        the first is a greeting, sent once
//   expect EVENTS        wait for so many events in all, without publishing: a replay
//   tell FILE            write down each socket's frames that were waited for, and its last frame
//   close                close all sockets
// A FILE of sockets or commands is lengths of four bytes, little endian, each followed by its bytes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK "\"seq\":"   // is in an event once
#define PATIENCE_NS 30000000000LL
#define LATE_NS 3000000000LL  // so late a stream of so many a second is given up: the server cannot do it

typedef struct { const uint8_t *at; uint32_t size; } Part;
typedef struct {
  int fd, part, parts, is_open;
  Part *script, *found;   // what was waited for and came, by its place in the script
  uint8_t *buffer;
  size_t held, room;
  uint8_t *last;
  uint32_t last_size;
  uint64_t events;
} Socket;
typedef struct { uint8_t *at, *end; } File;

static int poller, publisher = -1, are_latencies_wanted;
static Socket *sockets;
static int socket_count, ready_count;
static uint64_t delivered, frames, idle_ns;
static int64_t *sent_at, begun, ended;
static uint32_t *latencies_us;
static uint64_t latency_count, jobs = 1, published, command_count;

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static File read_file(const char *path) {
  struct stat info;
  FILE *file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &info)) die("%s: %s", path, strerror(errno));
  File read = {malloc(info.st_size + 1), NULL};
  if (fread(read.at, 1, info.st_size, file) != (size_t)info.st_size) die("%s: cannot be read", path);
  fclose(file);
  read.end = read.at + info.st_size;
  return read;
}

static uint32_t number(File *file) {
  uint32_t value;
  if (file->at + 4 > file->end) die("a file ends too early");
  memcpy(&value, file->at, 4);
  file->at += 4;
  return value;
}

static Part part(File *file) {
  Part read = {NULL, number(file)};
  read.at = file->at;
  file->at += read.size;
  return read;
}

static int connect_to(const char *host, int port, int is_blocking) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  inet_pton(AF_INET, host, &address.sin_addr);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("port %d: %s", port, strerror(errno));
  if (!is_blocking) fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void put(int fd, const void *data, size_t size) {
  const uint8_t *at = data;
  while (size) {
    ssize_t wrote = write(fd, at, size);
    if (wrote < 0 && errno != EAGAIN && errno != EINTR) die("cannot write: %s", strerror(errno));
    if (wrote > 0) at += wrote, size -= wrote;
  }
}

static void go_on(Socket *socket, const uint8_t *payload, size_t size) {
  Part *wanted = &socket->script[socket->part];
  if (size < wanted->size || memcmp(payload, wanted->at, wanted->size)) return;
  uint8_t *copy = malloc(size);
  memcpy(copy, payload, size);
  socket->found[socket->part] = (Part){copy, size};
  Part *answer = &socket->script[socket->part + 1];
  if (answer->size) put(socket->fd, answer->at, answer->size);
  socket->part += 2;
  if (socket->part >= socket->parts) ready_count++;
}

static void take_frame(Socket *socket, const uint8_t *payload, size_t size) {
  frames++;
  if (socket->part < socket->parts) go_on(socket, payload, size);
  if (size == 1 && *payload == '2') put(socket->fd, "\x81\x81\0\0\0\0" "3", 7);  // Socket.IO asks whether we live
  const uint8_t *at = payload, *end = payload + size;
  uint64_t before = socket->events;
  while ((at = memmem(at, end - at, MARK, sizeof MARK - 1))) {
    socket->events++;
    at += sizeof MARK - 1;
  }
  if (socket->events == before) return;
  delivered += socket->events - before;
  if (size <= 4096) {
    if (!socket->last) socket->last = malloc(4096);
    memcpy(socket->last, payload, size);
    socket->last_size = size;
  }
  if (!are_latencies_wanted) return;
  int64_t now = now_ns();
  for (uint64_t event = before; event < socket->events; event++) {
    uint64_t index = event * jobs + (socket - sockets) % jobs;
    latencies_us[latency_count++] = (now - sent_at[index]) / 1000;
  }
}

static void answer_ping(Socket *socket, const uint8_t *payload, uint8_t size) {
  uint8_t pong[131] = {0x8a, 0x80 | size};
  memcpy(pong + 6, payload, size);
  put(socket->fd, pong, 6 + size);
}

static void take_frames(Socket *socket) {
  uint8_t *at = socket->buffer, *end = at + socket->held;
  if (!socket->is_open) {
    uint8_t *head = memmem(at, end - at, "\r\n\r\n", 4);
    if (!head) return;
    if (memcmp(at, "HTTP/1.1 101", 12)) die("no WebSocket: %.300s", at);
    socket->is_open = 1;
    at = head + 4;
    if (!socket->parts) ready_count++;
    else if (!socket->script[0].size) go_on(socket, at, 0);  // nothing is waited for: the client speaks first
  }
  while (end - at >= 2) {
    uint64_t size = at[1], head = 2;
    if (size == 126) size = at[2] << 8 | at[3], head = 4;
    else if (size == 127) {
      if (end - at < 10) break;
      size = 0, head = 10;
      for (int index = 2; index < 10; index++) size = size << 8 | at[index];
    }
    if ((uint64_t)(end - at) < head + size) break;
    if ((at[0] & 15) == 8) die("a socket was closed: %d", at[head] << 8 | at[head + 1]);
    if ((at[0] & 15) == 9) answer_ping(socket, at + head, size);
    else take_frame(socket, at + head, size);
    at += head + size;
  }
  socket->held = end - at;
  memmove(socket->buffer, at, socket->held);
}

static void take(Socket *socket) {
  if (socket->room - socket->held < 16384) socket->buffer = realloc(socket->buffer, socket->room = 2 * socket->room + 32768);
  ssize_t got = read(socket->fd, socket->buffer + socket->held, socket->room - socket->held - 1);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) die("a socket ended");
  socket->held += got;
  socket->buffer[socket->held] = 0;
  take_frames(socket);
}

// Handles what is there. Without anything the processor is left to others; the time of it is idle time.
static void turn(void) {
  struct epoll_event events[256];
  int64_t before = now_ns();
  int count = epoll_wait(poller, events, 256, 0);
  for (int index = 0; index < count; index++) {
    if (events[index].data.ptr) take(events[index].data.ptr);
    else {
      char replies[65536];
      ssize_t got;
      while ((got = read(publisher, replies, sizeof replies)) > 0)
        if (replies[0] == '-') die("a command was refused: %.200s", replies);
      if (!got) die("whoever takes what is published hung up");
    }
  }
  if (!count) {
    sched_yield();
    idle_ns += now_ns() - before;
  }
}

static void begin(void) { begun = now_ns(), ended = idle_ns = frames = 0; }

static void answer(const char *more, ...) {
  double seconds = ((ended ? ended : now_ns()) - begun) / 1e9;
  printf("{\"seconds\": %.6f, \"busy\": %.4f, \"frames\": %lu", seconds, 1 - idle_ns / 1e9 / seconds, (unsigned long)frames);
  va_list arguments;
  va_start(arguments, more);
  vprintf(more, arguments);
  printf("}\n");
  fflush(stdout);
}

static void open_sockets(const char *path, const char *host, int port, int at_once) {
  File file = read_file(path);
  socket_count = number(&file);
  sockets = calloc(socket_count, sizeof *sockets);
  ready_count = 0, delivered = 0;
  begin();
  for (int begun_count = 0; ready_count < socket_count;) {
    if (begun_count < socket_count && begun_count - ready_count < at_once) {
      Socket *socket = &sockets[begun_count++];
      socket->parts = number(&file) - 1;
      Part request = part(&file);
      socket->script = calloc(socket->parts + 2, sizeof(Part));
      socket->found = calloc(socket->parts + 2, sizeof(Part));
      for (int index = 0; index < socket->parts; index++) socket->script[index] = part(&file);
      socket->fd = connect_to(host, port, 1);
      put(socket->fd, request.at, request.size);
      fcntl(socket->fd, F_SETFL, O_NONBLOCK);
      struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
      epoll_ctl(poller, EPOLL_CTL_ADD, socket->fd, &event);
      continue;
    }
    turn();
    if (now_ns() - begun > 4 * PATIENCE_NS) die("%d of %d sockets are ready", ready_count, socket_count);
  }
  answer("");
}

static int by_size(const void *one, const void *other) {
  uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
  return (a > b) - (a < b);
}

static double percentile_ms(double percent) {
  return latency_count ? latencies_us[(uint64_t)((latency_count - 1) * percent / 100)] / 1e3 : 0;
}

static void run(const char *path, const char *host, int port, int window, double rate, int job_count, int fan_out) {
  File file = read_file(path);
  command_count = number(&file);
  Part greeting = part(&file);
  published = 0, delivered = 0, jobs = job_count;
  uint64_t wanted = command_count * fan_out;
  for (int index = 0; index < socket_count; index++) sockets[index].events = 0;
  are_latencies_wanted = 1, latency_count = 0;
  sent_at = malloc(command_count * sizeof *sent_at), latencies_us = malloc(wanted * sizeof *latencies_us);
  publisher = connect_to(host, port, 0);
  put(publisher, greeting.at, greeting.size);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, publisher, &event);
  static uint8_t together[1 << 20];
  begin();
  while (delivered < wanted) {
    int64_t now = now_ns(), flying = published - delivered / fan_out, free_now = window - flying;
    int64_t due = rate > 0 ? (int64_t)(rate * (now - begun) / 1e9) - (int64_t)published : free_now;
    size_t size = 0;
    for (; due > 0 && published < command_count; due--) {
      Part command = part(&file);
      if (size + command.size > sizeof together) put(publisher, together, size), size = 0;
      memcpy(together + size, command.at, command.size);
      size += command.size;
      sent_at[published++] = now;
    }
    if (size) put(publisher, together, size);
    turn();
    if (rate > 0 && now - begun > LATE_NS + (int64_t)(command_count / rate * 1e9)) break;
    if (now - begun > 2 * PATIENCE_NS && !rate)
      die("%lu of %lu events were delivered", (unsigned long)delivered, (unsigned long)wanted);
  }
  ended = now_ns();
  qsort(latencies_us, latency_count, sizeof *latencies_us, by_size);
  answer(", \"events\": %lu, \"p50_ms\": %.3f, \"p99_ms\": %.3f", (unsigned long)delivered, percentile_ms(50), percentile_ms(99));
  are_latencies_wanted = 0;
  free(sent_at), free(latencies_us);
  close(publisher);
  publisher = -1;
}

static void expect(uint64_t wanted) {
  begin();
  while (delivered < wanted) {
    turn();
    if (now_ns() - begun > 2 * PATIENCE_NS) die("%lu of %lu events were delivered", (unsigned long)delivered, (unsigned long)wanted);
  }
  answer(", \"events\": %lu", (unsigned long)delivered);
}

static void put_part(FILE *file, const void *data, uint32_t size) {
  fwrite(&size, 4, 1, file);
  fwrite(data, 1, size, file);
}

static void tell(const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file) die("%s: %s", path, strerror(errno));
  for (int index = 0; index < socket_count; index++) {
    Socket *socket = &sockets[index];
    for (int place = 0; place < socket->parts; place += 2) put_part(file, socket->found[place].at, socket->found[place].size);
    put_part(file, socket->last, socket->last_size);
  }
  fclose(file);
  begin();
  answer("");
}

static void close_sockets(void) {
  struct linger at_once = {1, 0};
  for (int index = 0; index < socket_count; index++) {
    setsockopt(sockets[index].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(sockets[index].fd);
    free(sockets[index].buffer);
  }
  socket_count = 0;
  begin();
  answer("");
}

int main(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(0);
  char line[4096], path[2048], host[64];
  int port, at_once, window, job_count, fan_out;
  unsigned long wanted;
  double rate;
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "open %2047s %63s %d %d", path, host, &port, &at_once) == 4) open_sockets(path, host, port, at_once);
    else if (sscanf(line, "run %2047s %63s %d %d %lf %d %d", path, host, &port, &window, &rate, &job_count, &fan_out) == 7)
      run(path, host, port, window, rate, job_count, fan_out);
    else if (sscanf(line, "expect %lu", &wanted) == 1) expect(wanted);
    else if (sscanf(line, "tell %2047s", path) == 1) tell(path);
    else if (!strncmp(line, "close", 5)) close_sockets();
    else die("no order: %s", line);
  }
  return 0;
}
