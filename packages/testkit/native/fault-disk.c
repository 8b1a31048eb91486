/*
 * A disk that fails when it is told to, for one process: a library that is loaded before libc (LD_PRELOAD) and stands
 * between the process and the files of one folder. Tests compile it; nothing else uses it.
 *
 *   FAULT_FOLDER  absolute path; files in it and below are watched, but shared memory and lists of users
 *   FAULT_PLAN    `CLASS.OPERATION:N:ACTION`, several with `;`: what happens at the N-th operation (from 1)
 *                 CLASS      log | file | journal | segment | manifest | folder | other
 *                 OPERATION  open | write | cut | sync | rename | remove
 *                 ACTION     before | half | after: the process dies; a number: the operation fails with that errno,
 *                            a number and `+`: this one and all later ones fail
 *   FAULT_MODE    how it dies: kill = as SIGKILL; drop = and everything since the last sync is undone, names too;
 *                 torn = and of that any part stays: whole sectors of 512 bytes, the first of the names
 *   FAULT_SEED    a number above 0: which part stays
 *   FAULT_TRACE   a file that gets a line for each operation: what it is, and the name of its file
 *   FAULT_KEPT    a folder on the same disk for names that may come back
 *
 * Removing a file named `fault-now` in the folder dies at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS = 4096, COUNTERS = 64, PLANS = 8, SECTOR = 512 };

/* A file's content: written by its number, whatever its name is. Its descriptor stays open: closing one frees the locks of all. */
struct content {
  dev_t dev;
  ino_t ino;
  int fd;
  struct content *next;
};

/* A write or a cut that no sync followed yet. */
struct change {
  struct content *content;
  off_t at;
  off_t size_before;
  size_t old_length, new_length;
  char *old_bytes, *new_bytes;
  int is_cut;
  struct change *previous;
};

/* A name that was made, changed or removed, and whose folder was not synced yet. */
struct naming {
  enum { MADE, MOVED, REMOVED } kind;
  char *path, *from, *kept;
  struct naming *previous;
};

struct plan {
  char what[32];
  long n;
  char action;
  int error, is_lasting;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[4096], kept_folder[4096];

/* What is known of a descriptor. Some are closed past this library, and their numbers given again: `dev` and `ino` tell. */
static struct {
  char *path;
  dev_t dev;
  ino_t ino;
  struct content *content;
} files[FDS];
static struct content *contents;
static struct change *changes;
static struct naming *namings;
static struct plan plans[PLANS];
static int plan_count, trace = -1, mode;
static struct {
  char what[32];
  long n;
} counters[COUNTERS];
static unsigned long long state = 88172645463325252ull;
static long kept_count;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);

static void read_plan(const char *text) {
  while (text != NULL && *text != '\0' && plan_count < PLANS) {
    struct plan *plan = &plans[plan_count];
    char action[16] = "";
    if (sscanf(text, "%31[^:]:%ld:%15[^;]", plan->what, &plan->n, action) == 3) {
      plan->action = action[0];
      plan->error = atoi(action);
      plan->is_lasting = strchr(action, '+') != NULL;
      plan_count++;
    }
    text = strchr(text, ';');
    if (text != NULL) text++;
  }
}

__attribute__((constructor)) static void begin(void) {
  real_open = dlsym(RTLD_NEXT, "open64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_rename = dlsym(RTLD_NEXT, "rename");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  const char *given = getenv("FAULT_FOLDER");
  if (given == NULL) return;
  snprintf(folder, sizeof folder, "%s/", given);
  snprintf(kept_folder, sizeof kept_folder, "%s", getenv("FAULT_KEPT") ?: "");
  read_plan(getenv("FAULT_PLAN"));
  const char *how = getenv("FAULT_MODE") ?: "kill";
  mode = how[0];
  state ^= strtoull(getenv("FAULT_SEED") ?: "1", NULL, 10) * 2654435761ull;
  const char *path = getenv("FAULT_TRACE");
  if (path != NULL) trace = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static unsigned long long random_below(unsigned long long count) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 32) % count;
}

static int is_watched(const char *path) {
  size_t length = strlen(folder);
  if (length == 0 || path == NULL || strncmp(path, folder, length - 1) != 0) return 0;
  return (path[length - 1] == '\0' || path[length - 1] == '/') &&
         strstr(path, "-shm") == NULL && strstr(path, "record.users") == NULL;
}

static const char *class_of(const char *path) {
  struct stat stat_;
  const char *name = strrchr(path, '/');
  name = name == NULL ? path : name + 1;
  if (strstr(name, "-wal") != NULL) return "log";
  if (strstr(name, "-journal") != NULL) return "journal";
  if (strstr(name, "record.db") != NULL) return "file";
  if (strstr(name, ".segment") != NULL) return "segment";
  if (strncmp(name, "manifest", 8) == 0) return "manifest";
  if (stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode)) return "folder";
  return "other";
}

/* Undoes what no sync followed; `torn` gives back any part of it. */
static void lose(void) {
  long count = 0, stays = 0;
  for (struct naming *naming = namings; naming != NULL; naming = naming->previous) count++;
  if (mode == 't') stays = (long)random_below((unsigned long long)count + 1);
  for (struct naming *naming = namings; naming != NULL && count > stays; naming = naming->previous, count--) {
    if (naming->kind == MADE) real_unlink(naming->path);
    if (naming->kind == MOVED) real_rename(naming->path, naming->from);
    if (naming->kept != NULL && link(naming->kept, naming->path) != 0) perror("fault-disk: link");
  }
  struct change *forward = NULL;
  for (struct change *change = changes, *previous; change != NULL; change = previous) {
    previous = change->previous;
    if (change->old_length > 0) real_pwrite(change->content->fd, change->old_bytes, change->old_length, change->at);
    real_ftruncate(change->content->fd, change->size_before);
    change->previous = forward;
    forward = change;
  }
  if (mode != 't') return;
  for (struct change *change = forward; change != NULL; change = change->previous) {
    if (change->is_cut) {
      if (random_below(2) == 1) real_ftruncate(change->content->fd, change->at);
      continue;
    }
    for (size_t from = 0; from < change->new_length;) {
      size_t length = SECTOR - (size_t)((change->at + (off_t)from) % SECTOR);
      if (length > change->new_length - from) length = change->new_length - from;
      if (random_below(2) == 1) real_pwrite(change->content->fd, change->new_bytes + from, length, change->at + (off_t)from);
      from += length;
    }
  }
}

static void die(void) {
  if (mode != 'k') lose();
  if (trace >= 0) real_write(trace, "died\n", 5);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Counts an operation. Gives the action of its plan, 0 = none; sets `error` where it shall fail. */
static char next_action(const char *path, const char *operation, int *error) {
  char what[32];
  snprintf(what, sizeof what, "%s.%s", class_of(path), operation);
  int at = 0;
  while (at < COUNTERS - 1 && counters[at].n > 0 && strcmp(counters[at].what, what) != 0) at++;
  if (counters[at].n == 0) snprintf(counters[at].what, sizeof counters[at].what, "%s", what);
  long n = ++counters[at].n;
  const char *name = strrchr(path, '/');
  if (trace >= 0) dprintf(trace, "%s %s\n", what, name == NULL ? path : name + 1);
  *error = 0;
  for (int index = 0; index < plan_count; index++) {
    struct plan *plan = &plans[index];
    if (strcmp(plan->what, what) != 0 || (plan->n != n && !(plan->is_lasting && n > plan->n))) continue;
    if (plan->error > 0) *error = plan->error;
    else if (plan->action == 'b') die();
    else return plan->action;
  }
  return 0;
}

static struct content *content_at(const char *path) {
  struct stat stat_;
  if (stat(path, &stat_) != 0 || !S_ISREG(stat_.st_mode)) return NULL;
  for (struct content *known = contents; known != NULL; known = known->next)
    if (known->dev == stat_.st_dev && known->ino == stat_.st_ino) return known;
  struct content *content = calloc(1, sizeof *content);
  content->dev = stat_.st_dev;
  content->ino = stat_.st_ino;
  content->fd = real_open(path, O_RDWR | O_CLOEXEC);
  content->next = contents;
  if (content->fd < 0) return NULL;
  return contents = content;
}

static struct change *change_of(struct content *content, off_t at, size_t new_length, int is_cut) {
  struct stat stat_;
  fstat(content->fd, &stat_);
  struct change *change = calloc(1, sizeof *change);
  change->content = content;
  change->at = at;
  change->is_cut = is_cut;
  change->size_before = stat_.st_size;
  size_t length = stat_.st_size <= at ? 0 : (size_t)(stat_.st_size - at);
  if (!is_cut && length > new_length) length = new_length;
  change->old_bytes = malloc(length + 1);
  change->old_length = length == 0 ? 0 : (size_t)pread(content->fd, change->old_bytes, length, at);
  return change;
}

static void keep(struct change *change) {
  change->previous = changes;
  changes = change;
}

static void forget_changes(struct content *content) {
  for (struct change **link_ = &changes; *link_ != NULL;) {
    struct change *change = *link_;
    if (change->content != content) {
      link_ = &change->previous;
      continue;
    }
    *link_ = change->previous;
    free(change->old_bytes);
    free(change->new_bytes);
    free(change);
  }
}

static int is_in(const char *path, const char *parent) {
  const char *end = strrchr(path, '/');
  size_t length = strlen(parent);
  if (length > 0 && parent[length - 1] == '/') length--;
  return end != NULL && (size_t)(end - path) == length && strncmp(path, parent, length) == 0;
}

static void forget_namings(const char *parent) {
  for (struct naming **link_ = &namings; *link_ != NULL;) {
    if (is_in((*link_)->path, parent)) *link_ = (*link_)->previous;
    else link_ = &(*link_)->previous;
  }
}

static void keep_naming(int kind, const char *path, const char *from, char *kept) {
  struct naming *naming = calloc(1, sizeof *naming);
  naming->kind = kind;
  naming->path = strdup(path);
  naming->from = from == NULL ? NULL : strdup(from);
  naming->kept = kept;
  naming->previous = namings;
  namings = naming;
}

/* Another name for a file that is about to lose its own. */
static char *kept_name(const char *path) {
  char name[4200];
  if (mode == 'k' || kept_folder[0] == '\0') return NULL;
  snprintf(name, sizeof name, "%s/%ld", kept_folder, ++kept_count);
  return link(path, name) == 0 ? strdup(name) : NULL;
}

static int watched_open(const char *path, int flags, mode_t permission) {
  pthread_mutex_lock(&lock);
  int error, is_new = access(path, F_OK) != 0;
  char action = next_action(path, "open", &error);
  int fd = -1;
  if (error == 0) {
    struct change *cut = NULL;
    if (!is_new && (flags & O_TRUNC) != 0) {
      struct content *content = content_at(path);
      if (content != NULL) cut = change_of(content, 0, 0, 1);
    }
    fd = real_open(path, flags, permission);
    error = errno;
    if (cut != NULL) keep(cut);
    struct stat stat_;
    if (fd >= 0 && fd < FDS && fstat(fd, &stat_) == 0) {
      free(files[fd].path);
      files[fd].path = strdup(path);
      files[fd].dev = stat_.st_dev;
      files[fd].ino = stat_.st_ino;
      files[fd].content = (flags & O_ACCMODE) == O_RDONLY ? NULL : content_at(path);
    }
    if (fd >= 0 && is_new && (flags & O_CREAT) != 0) keep_naming(MADE, path, NULL, NULL);
    if (action != 0) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

#define OPEN(name)                                                                        \
  int name(const char *path, int flags, ...) {                                            \
    mode_t permission = 0;                                                                \
    if ((flags & O_CREAT) != 0) {                                                         \
      va_list rest;                                                                       \
      va_start(rest, flags);                                                              \
      permission = va_arg(rest, mode_t);                                                  \
      va_end(rest);                                                                       \
    }                                                                                     \
    return is_watched(path) ? watched_open(path, flags, permission) : real_open(path, flags, permission); \
  }
OPEN(open)
OPEN(open64)

static int is_known(int fd) {
  struct stat stat_;
  return fd >= 0 && fd < FDS && files[fd].path != NULL && fstat(fd, &stat_) == 0 && stat_.st_dev == files[fd].dev &&
         stat_.st_ino == files[fd].ino;
}

static struct content *watched(int fd) { return is_known(fd) ? files[fd].content : NULL; }

static ssize_t watched_write(int fd, const char *bytes, size_t length, off_t at, int is_placed) {
  pthread_mutex_lock(&lock);
  int error;
  char action = next_action(files[fd].path, "write", &error);
  ssize_t written = -1;
  if (error == 0) {
    struct content *content = files[fd].content;
    if (!is_placed) {
      struct stat stat_;
      fstat(fd, &stat_);
      at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? stat_.st_size : lseek(fd, 0, SEEK_CUR);
    }
    if (action == 'h' && length > 1) length /= 2;
    struct change *change = change_of(content, at, length, 0);
    written = is_placed ? real_pwrite(fd, bytes, length, at) : real_write(fd, bytes, length);
    error = errno;
    change->new_length = written > 0 ? (size_t)written : 0;
    change->new_bytes = malloc(change->new_length + 1);
    memcpy(change->new_bytes, bytes, change->new_length);
    keep(change);
    if (action != 0) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return written;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  return watched(fd) == NULL ? real_write(fd, bytes, length) : watched_write(fd, bytes, length, 0, 0);
}

#define PWRITE(name)                                                                                        \
  ssize_t name(int fd, const void *bytes, size_t length, off_t at) {                                        \
    return watched(fd) == NULL ? real_pwrite(fd, bytes, length, at) : watched_write(fd, bytes, length, at, 1); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

/* In pieces: what a program may expect of a disk. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
  return watched(fd) == NULL || count == 0 ? real_writev(fd, pieces, count)
                                           : watched_write(fd, pieces[0].iov_base, pieces[0].iov_len, 0, 0);
}

#define PWRITEV(name)                                                                               \
  ssize_t name(int fd, const struct iovec *pieces, int count, off_t at) {                           \
    return watched(fd) == NULL || count == 0                                                        \
               ? real_pwritev(fd, pieces, count, at)                                                \
               : watched_write(fd, pieces[0].iov_base, pieces[0].iov_len, at, 1);                   \
  }
PWRITEV(pwritev)
PWRITEV(pwritev64)

static int watched_cut(int fd, off_t size) {
  pthread_mutex_lock(&lock);
  int error, result = -1;
  char action = next_action(files[fd].path, "cut", &error);
  if (error == 0) {
    struct change *change = change_of(files[fd].content, size, 0, 1);
    result = real_ftruncate(fd, size);
    error = errno;
    keep(change);
    if (action != 0) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int ftruncate(int fd, off_t size) { return watched(fd) == NULL ? real_ftruncate(fd, size) : watched_cut(fd, size); }
int ftruncate64(int fd, off_t size) { return watched(fd) == NULL ? real_ftruncate(fd, size) : watched_cut(fd, size); }

static int watched_sync(int fd, int (*real)(int)) {
  pthread_mutex_lock(&lock);
  int error, result = -1;
  char action = next_action(files[fd].path, "sync", &error);
  if (error == 0) {
    result = real(fd);
    error = errno;
    if (result == 0 && files[fd].content != NULL) forget_changes(files[fd].content);
    if (result == 0 && files[fd].content == NULL) forget_namings(files[fd].path);
    if (action != 0) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int fsync(int fd) { return is_known(fd) ? watched_sync(fd, real_fsync) : real_fsync(fd); }
int fdatasync(int fd) { return is_known(fd) ? watched_sync(fd, real_fdatasync) : real_fdatasync(fd); }

int rename(const char *from, const char *to) {
  if (!is_watched(to)) return real_rename(from, to);
  pthread_mutex_lock(&lock);
  int error, result = -1;
  char action = next_action(to, "rename", &error);
  if (error == 0) {
    char *kept = kept_name(to);
    result = real_rename(from, to);
    error = errno;
    if (result == 0) keep_naming(MOVED, to, from, kept);
    if (action != 0) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int unlink(const char *path) {
  if (!is_watched(path)) return real_unlink(path);
  pthread_mutex_lock(&lock);
  if (strcmp(path + strlen(folder), "fault-now") == 0) die();
  int error, result = -1;
  char action = next_action(path, "remove", &error);
  if (error == 0) {
    char *kept = kept_name(path);
    result = real_unlink(path);
    error = errno;
    if (result == 0) keep_naming(REMOVED, path, NULL, kept);
    if (action != 0) die();
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
