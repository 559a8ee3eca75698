/* The program behind an entry point on Windows: NAME.exe starts the prefix's python with NAME-script.py,
 * which lies beside it, hands on its arguments as they were typed, and ends with python's exit code.
 * Built without a C library; launcher.exe is what `sh build` makes of this file, and a test makes it again. */
#include <windows.h>

static WCHAR self[32768], line[65536];

static BOOL WINAPI ignore(DWORD event) { return event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT; /* python's to handle */ }

static void fail(const char *text, DWORD length) {
  DWORD n;
  WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, length, &n, NULL);
  ExitProcess(1);
}
#define FAIL(text) fail(text, sizeof(text) - 1)

static WCHAR *append(WCHAR *to, const WCHAR *from, const WCHAR *end) {
  while (from != end && *from) {
    if (to >= line + sizeof(line) / sizeof(line[0]) - 1) FAIL("launcher: the command line is too long\r\n");
    *to++ = *from++;
  }
  *to = 0;
  return to;
}

/* arguments is what follows the program's own name in a command line. */
static const WCHAR *arguments(const WCHAR *p) {
  if (*p == L'"') {
    for (p++; *p && *p != L'"'; p++) {}
    return *p ? p + 1 : p;
  }
  while (*p && *p != L' ' && *p != L'\t') p++;
  return p;
}

void start(void) {
  DWORD n = GetModuleFileNameW(NULL, self, sizeof(self) / sizeof(self[0]));
  if (n < 5 || n >= sizeof(self) / sizeof(self[0])) FAIL("launcher: cannot tell where it lies\r\n");
  WCHAR *folder = self + n, *stem = self + n - 4; /* before .exe */
  while (folder > self && folder[-1] != L'\\') folder--;
  if (stem < folder) FAIL("launcher: its own name does not end in .exe\r\n");

  WCHAR *to = append(line, L"\"", NULL);
  to = append(to, self, folder);
  to = append(to, L"..\\python.exe\" \"", NULL);
  to = append(to, self, stem);
  to = append(to, L"-script.py\"", NULL);
  append(to, arguments(GetCommandLineW()), NULL);

  SetConsoleCtrlHandler(ignore, TRUE);
  static JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  HANDLE job = CreateJobObjectW(NULL, NULL);
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
  SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits));

  static STARTUPINFOW startup;
  static PROCESS_INFORMATION process;
  startup.cb = sizeof(startup);
  if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &startup, &process))
    FAIL("launcher: cannot start the python.exe of its prefix\r\n");
  AssignProcessToJobObject(job, process.hProcess);
  ResumeThread(process.hThread);
  WaitForSingleObject(process.hProcess, INFINITE);
  DWORD code = 1;
  GetExitCodeProcess(process.hProcess, &code);
  ExitProcess(code);
}
