/* Writes through memory maps, which it keeps: "PATH OFFSET BYTE" on a line stores 64 bytes and answers "."; "" forgets all. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS = 4096 };
static struct map { char *path; unsigned char *at; size_t length; } maps[MAPS];
static int count;

static struct map *map(const char *path) {
  for (int i = 0; i < count; i++)
    if (!strcmp(maps[i].path, path)) return &maps[i];
  struct stat stat;
  int file = open(path, O_RDWR);
  if (file < 0 || fstat(file, &stat) || count == MAPS) exit(1);
  struct map *map = &maps[count++];
  map->path = strdup(path);
  map->length = stat.st_size;
  map->at = mmap(0, map->length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (map->at == MAP_FAILED) exit(1);
  close(file);
  return map;
}

int main(void) {
  char line[4096], path[4096];
  size_t offset;
  int byte;
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "%4095s %zu %d", path, &offset, &byte) == 3) {
      struct map *to = map(path);
      if (offset + 64 > to->length) exit(1);
      memset(to->at + offset, byte, 64);
    } else {
      while (count > 0) {
        count--;
        munmap(maps[count].at, maps[count].length);
        free(maps[count].path);
      }
    }
    puts(".");
    fflush(stdout);
  }
  return 0;
}
