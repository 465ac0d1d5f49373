/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/config: what the user asked for: command line, configuration files, the mount source. Offers
 * one MountConfig to main. Uses src/util, and src/tls and src/ftp/session to check values.
 *
 * config - what the user asked for: one MountConfig from the command line and the configuration
 * files, ~/.config/ftpsfs/config and /etc/ftpsfs.conf.
 *
 * A MountConfig is immutable once config_parse has returned it and belongs to main; the layers
 * below get the parts that are theirs as option structs. No lock.
 */
#ifndef FTPSFS_CONFIG_CONFIG_H
#define FTPSFS_CONFIG_CONFIG_H

#include "ftpsfs/config/source.h"
#include "ftpsfs/tls/trust.h"

typedef enum {
    CONFIG_MOUNT,   /* the normal case */
    CONFIG_HELP,    /* -h: print config_help() and exit 0 */
    CONFIG_VERSION, /* -V */
    /* About a mount that is there; `target` says which: */
    CONFIG_STATUS,  /* --status MOUNTPOINT */
    CONFIG_FLUSH,   /* --flush MOUNTPOINT */
    CONFIG_REFRESH, /* --refresh [PATH] */
    CONFIG_UNMOUNT, /* --unmount MOUNTPOINT */
    CONFIG_PROBE,   /* --probe SOURCE: all is set as for a mount but mountpoint, which is NULL */
    CONFIG_PRINT,   /* --print-config, --complete: print `printed` and exit 0 */
    /* --describe SOURCE: say where it leads. All is set as for CONFIG_PROBE */
    CONFIG_DESCRIBE,
} ConfigAction;

/* idmap=: the owner shown, in the order of the option's words. */
typedef enum {
    CONFIG_IDMAP_NONE,  /* the server's numbers */
    CONFIG_IDMAP_USER,  /* all the mounting user's, or uid= and gid= */
    CONFIG_IDMAP_NAMES, /* the local users and groups with the server's names */
} ConfigIdmap;

/* symlinks=: which are followed, in the order of the option's words. */
typedef enum {
    CONFIG_SYMLINKS_INSIDE, /* those whose targets are in the mount */
    CONFIG_SYMLINKS_ALL,    /* all, wherever on this machine they lead */
    CONFIG_SYMLINKS_NONE,
} ConfigSymlinks;

/* log_level=, in the order of the option's words. */
typedef enum {
    CONFIG_LOG_ERROR,
    CONFIG_LOG_WARNING,
    CONFIG_LOG_MESSAGE,
    CONFIG_LOG_INFO,
    CONFIG_LOG_DEBUG,
} ConfigLogLevel;

typedef struct {
    ConfigAction action;
    char *target;        /* of CONFIG_STATUS and its like: a path as it was given; else NULL */
    gboolean json;       /* --json: --status and --probe in a form for programs */
    gboolean once;       /* --once: --status once, as plain text */
    char *server;        /* `source` for people to read: "ftps://user@host/dir" */
    Source *source;      /* where to, with user= and port= in it; its port is never 0 */
    char *alias;         /* that the source was named by; NULL: by itself */
    char *printed;       /* CONFIG_PRINT: the text */
    char *mountpoint;    /* absolute; or "/dev/fd/N" from mount.fuse3 -o drop_privileges */
    int mountpoint_fd;   /* O_PATH: the directory that was checked; -1: none, or let go of */
    gboolean told_safe;  /* "nosuid" and "nodev" are on the command line, their opposites not */
    gboolean foreground; /* -f, or -d */
    gboolean debug;      /* -d: protocol and FUSE calls on stderr; implies foreground */
    gboolean read_only;  /* -r, ro */
    gboolean helper;     /* called by mount(8) as mount.ftpsfs */
    gboolean fake;       /* helper, -f: all but the mount */
    gboolean verbose;    /* helper, -v */
    /* -o: the server */
    gboolean explicit_tls;
    gboolean compress;    /* MODE Z for what is read; never TRUE in a build without zlib */
    guint connections;    /* 1..64, default 8 */
    guint timeout_s;      /* 1..3600, default 30 */
    guint keepalive_s;    /* default 60, 0 never */
    guint idle_timeout_s; /* default 300, 0 never */
    char *codepage;       /* NULL: UTF-8 */
    char *server_tz;      /* as written; NULL: learned */
    GTimeZone *time_zone; /* what server_tz names */
    gboolean exact_times; /* default TRUE */
    gboolean offline;     /* what is cached is shown while the server is gone */
    guint exact_max;      /* exact_times_max, default 10000; 0: no limit */
    char *virtual_host;   /* for HOST; NULL: none */
    char **init_commands; /* ftp_init, one a string; NULL: none */
    gboolean active;      /* the server makes the data connections, to a port of these: */
    guint16 active_first, active_last; /* active_ports; 0: any. No more connections than ports */
    /* -o: trust */
    TrustVerify verify;
    TrustPolicy policy;
    TrustTlsMin tls_min;
    char *ca_file, *ca_path, *crl_file, *cert, *key, *priority;
    GPtrArray *pins; /* char *, NULL at its end; the array is NULL when there are none */
    /* -o: credentials */
    char *credentials_file;
    gboolean password_stdin;
    char *password_command; /* for sh -c; NULL: none */
    gboolean link;          /* others chose the source */
    gboolean bound_only;    /* so only secrets that are kept for its host are used */
    /* -o: cache and files */
    guint dir_cache_timeout_s; /* default 20 */
    guint64 cache_size;        /* bytes, default 256 MiB; suffixes K, M, G are taken */
    guint64 readahead;         /* bytes, default 32 MiB; never more than cache_size */
    char *cache_dir;           /* of content that outlives the mount; NULL: none; absolute */
    guint64 cache_disk_size;   /* bytes that it may take, default 4 GiB */
    gboolean prefetch;         /* default TRUE */
    char *spool_dir;           /* default $TMPDIR, else /var/tmp; never NULL */
    gboolean atomic_upload;    /* default FALSE */
    gboolean writeback;        /* default FALSE */
    guint64 spool_size;        /* bytes that files being written may take; default 0: no bound */
    char *stats_file;          /* NULL: none; absolute */
    char *trace_file;          /* NULL: none; absolute */
    guint log_level;           /* ConfigLogLevel */
    /* no options: where this user's files lie, which need not be there yet */
    char *state_dir;     /* the directory of the two that follow */
    char *known_hosts;   /* the keys that tls_verify=tofu remembers */
    char *rescue_dir;    /* directory of content that could not be uploaded */
    char *writeback_dir; /* directory of the journals of -o writeback */
    /* -o: how files look */
    gboolean have_uid, have_gid; /* uid=, gid= were given */
    guint32 uid, gid;
    guint32 umask_files; /* bits taken away from files' modes: fmask, else umask, else 0 */
    guint32 umask_dirs;  /* the same for directories: dmask, else umask, else 0 */
    ConfigIdmap idmap;
    ConfigSymlinks symlinks; /* NONE with nosymfollow, whatever symlinks= says */
    gboolean nosymfollow;
    /* -o: what the process may do */
    char *setuid_name; /* setuid=USER: the account to become, or NULL; then the two that follow */
    guint32 setuid_uid, setuid_gid;
    gboolean sandbox; /* default on */
    /* For libfuse and the kernel: "default_permissions", "ro", "allow_other", "max_read=N", ...;
     * always a "fsname=..." and a "subtype=...". Values are not escaped: fsname may hold a comma.
     */
    GPtrArray *fuse_options; /* char *, no NULL at the end */
} MountConfig;

/* Parses argv; as mount(8) writes it when argv[0] is mount.SOMETHING. Everything wrong with it is
 * found here: unknown options, values out of range, a source that is none, files that are not
 * there, a mountpoint that is no empty directory. FTPSFS_ERROR_CONFIG with one line that says which
 * word, what is wrong, what to write instead. With CONFIG_HELP and CONFIG_VERSION nothing else is
 * set: the rest of argv was not read. */
MountConfig *config_parse(int argc, char **argv, GError **error);
/* Whether mount.fuse3 has mounted already, and the mountpoint is the name of a descriptor. */
gboolean mountpoint_is_passed(const MountConfig *config);

/* Closes mountpoint_fd, by which the file system that the mountpoint is on would stay in use. For
 * the helper that mounts has its own. */
void config_let_go(MountConfig *config);

void config_free(MountConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountConfig, config_free)

/* The text of -h, made from the option table that config_parse reads. For g_free. */
char *config_help(void);

#endif
