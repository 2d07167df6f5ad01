// Tells a service to stop, and prints each thing that it says of itself from then on: state, checkpoint, hint.
#include <stdio.h>
#include <windows.h>

int main(int count, char **words) {
    SC_HANDLE manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = OpenServiceA(manager, count > 1 ? words[1] : "", SERVICE_STOP | SERVICE_QUERY_STATUS);
    SERVICE_STATUS now;
    if (!service || !ControlService(service, SERVICE_CONTROL_STOP, &now)) {
        printf("error %lu\n", GetLastError());
        return 1;
    }
    SERVICE_STATUS last = {0};
    for (int tries = 0; tries < 30000; tries++) {
        if (!QueryServiceStatus(service, &now)) return 1;
        if (now.dwCurrentState != last.dwCurrentState || now.dwCheckPoint != last.dwCheckPoint) {
            printf("state %lu checkpoint %lu hint %lu\n", now.dwCurrentState, now.dwCheckPoint, now.dwWaitHint);
            last = now;
        }
        if (now.dwCurrentState == SERVICE_STOPPED) return 0;
        Sleep(2);
    }
    return 2;
}
