// console-event NUMBER FILE COMMAND: starts the command, waits until the file is there, and tells the program what its
// console would tell it: 0 Ctrl-C, 1 Ctrl-Break, 2 the window is closed, 5 log-off, 6 shutdown. A console does it as is done
// here, by a thread of its own that begins in the program's CtrlRoutine. Ends with the program's code.
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

int main(int count, char **words) {
    if (count != 4) return 125;
    STARTUPINFOA start = {.cb = sizeof start};
    PROCESS_INFORMATION child;
    if (!CreateProcessA(NULL, words[3], NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) {
        fprintf(stderr, "it does not start: %lu\n", GetLastError());
        return 126;
    }
    while (GetFileAttributesA(words[2]) == INVALID_FILE_ATTRIBUTES) {
        if (WaitForSingleObject(child.hProcess, 50) == WAIT_OBJECT_0) {
            fprintf(stderr, "it ended before it was told anything\n");
            return 127;
        }
    }
    FARPROC routine = GetProcAddress(GetModuleHandleA("kernelbase"), "CtrlRoutine");
    HANDLE thread = CreateRemoteThread(child.hProcess, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)routine,
                                       (void *)(ULONG_PTR)atoi(words[1]), 0, NULL);
    if (!routine || !thread) {
        fprintf(stderr, "it cannot be told: %lu\n", GetLastError());
        TerminateProcess(child.hProcess, 1);
        return 124;
    }
    DWORD code = 0;
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &code);
    return (int)code;
}
