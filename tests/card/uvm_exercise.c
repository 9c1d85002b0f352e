/* Uses nvidia-uvm without a GPU: a VA space, managed memory on the processor (page faults, mprotect, fork, partial
 * munmap), and those of the driver's built-in tests that need no GPU (module parameter uvm_enable_builtin_tests=1).
 * Prints "ok NAME" or "not ok NAME" for each check.
 *
 * The numbers of the requests are the driver's interface to libcuda. They are the same from 470 to 580:
 * nvidia-uvm/uvm_linux_ioctl.h, uvm_ioctl.h and uvm_test_ioctl.h of NVIDIA's open kernel modules. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define UVM_INITIALIZE 0x30000001UL
#define UVM_MM_INITIALIZE 75UL /* from 525 on; a file of its own that keeps the process's mm */
#define NV_OK 0U
#define NV_UNSET 0xffffU
#define ALIGNMENT (2UL << 20) /* UVM's unit of managed memory */

/* A request's words before its status, which is a 32-bit word. */
struct test {
  const char* name;
  unsigned long request;
  unsigned int words[6];
  unsigned int status; /* index of the status in words */
};

/* 201 is the first. Left out: tests that want a GPU, and PERF_MODULE, TRACKER and MEM_SANITY, which fail or crash
 * without one in untouched drivers on old kernels, too. */
static const struct test tests[] = {
    {"RNG_SANITY", 201, {0}, 0},
    {"RANGE_TREE_DIRECTED", 202, {0}, 0},
    {"LOCK_SANITY", 218, {0}, 0},
    {"PERF_UTILS_SANITY", 219, {0}, 0},
    {"KVMALLOC", 220, {0}, 0},
    {"PERF_EVENTS_SANITY", 223, {0}, 0},
    {"RANGE_ALLOCATOR_SANITY", 225, {0, 1, 50}, 3},
    {"NV_KTHREAD_Q", 245, {0}, 0},
    {"THREAD_CONTEXT_SANITY", 281, {8}, 1},
    {"RB_TREE_DIRECTED", 286, {0}, 0},
};

static int failed;

static void check(const char* name, int good) {
  printf("%s %s\n", good ? "ok" : "not ok", name);
  failed |= !good;
}

static int major_of(const char* name) {
  char line[128], found[64];
  int major = -1, number;
  FILE* file = fopen("/proc/devices", "r");

  while (file && fgets(line, sizeof(line), file))
    if (sscanf(line, "%d %63s", &number, found) == 2 && !strcmp(found, name)) major = number;
  if (file) fclose(file);
  return major;
}

/* An unused range of addresses that begins at a multiple of 2 MiB. */
static char* unused_range(size_t size) {
  char* at = mmap(0, size + ALIGNMENT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return (char*)(((unsigned long)at + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
}

static int exit_status_of(pid_t child) {
  int status;

  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether the range has these flags of smaps: mixed map, not to be grown, not inherited by a child (inherited: with 470
   and older); and is not I/O. */
static int has_flags(const char* at, int inherited) {
  char line[256];
  unsigned long start = 0, from, to;
  int good = 0;
  FILE* file = fopen("/proc/self/smaps", "r");

  while (file && fgets(line, sizeof(line), file)) {
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2) start = from;
    if (start != (unsigned long)at || strncmp(line, "VmFlags:", 8)) continue;
    printf("# %s", line);
    good = strstr(line, " mm") && strstr(line, " de") && !strstr(line, " io") && !!strstr(line, " dc") != inherited;
  }
  if (file) fclose(file);
  return good;
}

/* Managed memory: UVM wants the offset to be the address. */
static void managed_memory(int fd, int inherited) {
  const size_t size = 2 * ALIGNMENT, page = 4096;
  char* range = unused_range(size);
  char* at = mmap(range, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)(unsigned long)range);
  unsigned char resident;
  pid_t child;

  check("managed memory is mapped", at == range);
  if (at != range) return;
  check("its flags are those that the driver sets", has_flags(at, inherited));
  memset(at, 0x5a, size / 2);
  check("it holds what was written, and zeros", at[0] == 0x5a && at[size / 2 - 1] == 0x5a && at[size / 2] == 0);
  check("mprotect: read only", mprotect(at, page, PROT_READ) == 0 && at[1] == 0x5a);
  check("mprotect: writable again", mprotect(at, page, PROT_READ | PROT_WRITE) == 0 && (at[1] = 3) == 3);
  check("mremap is refused", mremap(at + size - page, page, 2 * page, MREMAP_MAYMOVE) == MAP_FAILED);
  check("the middle is unmapped", munmap(at + size / 4, size / 4) == 0);
  check("both ends are there", at[0] == 0x5a && (at[size - 1] = 7) == 7);
  child = fork();
  if (child == 0) _exit(mincore(at, page, &resident) == 0 ? 0 : errno == ENOMEM ? 1 : 2);
  check(inherited ? "a child inherits it" : "a child does not inherit it", exit_status_of(child) == !inherited);
  /* Some kernels from 7.0 on refuse this for such a range. */
  if (madvise(at, page, MADV_DOFORK) == 0) {
    child = fork();
    if (child == 0) _exit(mincore(at, page, &resident) == 0 ? 0 : 1);
    check("with MADV_DOFORK a child inherits it", exit_status_of(child) == 0);
  } else {
    check("MADV_DOFORK is refused as invalid", errno == EINVAL);
  }
  munmap(at, size);
  check("a private mapping is refused",
        mmap(0, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
}

static void builtin_tests(int fd) {
  size_t i;

  for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
    struct test test = tests[i];
    char name[64];
    int result;

    test.words[test.status] = NV_UNSET;
    result = ioctl(fd, test.request, test.words);
    snprintf(name, sizeof(name), "UVM_TEST_%s", test.name);
    check(name, result == 0 && test.words[test.status] == NV_OK);
    if (result != 0 || test.words[test.status] != NV_OK)
      printf("# %s: ioctl %d, errno %d, status %#x\n", name, result, errno, test.words[test.status]);
  }
}

/* With the word "inherited": a driver that leaves managed memory to a child (470 and older). */
int main(int argc, char** argv) {
  struct {
    unsigned long flags;
    unsigned int status;
  } initialize = {0, NV_UNSET};
  struct {
    int fd;
    unsigned int status;
  } mm = {-1, NV_UNSET};
  const int inherited = argc == 2 && !strcmp(argv[1], "inherited");
  int fd, mm_fd;

  setvbuf(stdout, 0, _IONBF, 0);
  mknod("/dev/nvidia-uvm", S_IFCHR | 0666, makedev(major_of("nvidia-uvm"), 0));
  fd = open("/dev/nvidia-uvm", O_RDWR);
  check("/dev/nvidia-uvm opens", fd >= 0);
  check("a VA space is made", ioctl(fd, UVM_INITIALIZE, &initialize) == 0 && initialize.status == NV_OK);
  mm_fd = open("/dev/nvidia-uvm", O_RDWR);
  mm.fd = fd;
  if (ioctl(mm_fd, UVM_MM_INITIALIZE, &mm) == 0) printf("# UVM_MM_INITIALIZE: status %#x\n", mm.status);
  managed_memory(fd, inherited);
  builtin_tests(fd);
  close(fd);
  close(mm_fd);
  return failed;
}
