/* Preloaded into User-Mode Linux, so that it runs on processors with AMX.
 *
 * Its buffer for a process's floating-point state has 2696 bytes, enough for AVX-512. Linux takes such a state back
 * only whole (xstateregs_set: anything but the processor's full size is EFAULT), and AMX's tiles make it 11008 bytes:
 * the first process of every guest dies. So a state that is too short is completed with the process's present one; what
 * is added is the tiles, which nothing in a guest uses (a program needs the guest kernel's leave for them).
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PEEK_FIRST = 1, PEEK_LAST = 3, GET_REGISTERS = 0x4204, SET_REGISTERS = 0x4205, XSTATE = 0x202 };

static char whole[1 << 16] __attribute__((aligned(64)));

long ptrace(int request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    int process = va_arg(arguments, int);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    if (request >= PEEK_FIRST && request <= PEEK_LAST) {
        /* The C library returns what the system call stores. */
        long word = 0;
        if (syscall(SYS_ptrace, request, process, address, &word) < 0)
            return -1;
        errno = 0;
        return word;
    }
    if (request == SET_REGISTERS && address == (void *)XSTATE) {
        struct iovec *given = data, full = { whole, sizeof whole };
        if (syscall(SYS_ptrace, GET_REGISTERS, process, XSTATE, &full) < 0)
            return -1;
        if (given->iov_len < full.iov_len) {
            memcpy(whole, given->iov_base, given->iov_len);
            return syscall(SYS_ptrace, SET_REGISTERS, process, XSTATE, &full);
        }
    }
    return syscall(SYS_ptrace, request, process, address, data);
}
