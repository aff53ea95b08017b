/* as-postgres COMMAND...: becomes uid and gid 999 and runs the command in its own
 * place, so that signals reach it. Does nothing else when already not root. */
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  gid_t group = 999;
  if (argc < 2) return 2;
  if (getuid() == 0 && (setgroups(1, &group) || setgid(999) || setuid(999))) {
    perror("as-postgres");
    return 1;
  }
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}
