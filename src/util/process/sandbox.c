/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "sandbox_private.h"

static gboolean fail(const char *what, GError **error)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "privileges can't be given up: %s: %s",
                what, g_strerror(errno));
    return FALSE;
}

void sandbox_hide_memory(void)
{
    if (!SANDBOX_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        g_warning("core dumps of this process can't be forbidden: %s", g_strerror(errno));
}

/* Takes capabilities but those of `keep` out of the bounding set, which takes one itself. Whoever
 * has not got that has nothing to give up: what the set allows would come by the capabilities of a
 * file, which no_new_privs stops. */
static gboolean drop_bounding(guint64 keep, GError **error)
{
    for (unsigned long number = 0; number < 64; number++) {
        int held = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (held < 0)
            break;
        if (held == 1 && (keep >> number & 1) == 0 &&
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0 && errno != EPERM)
            return fail("capabilities", error);
    }
    return TRUE;
}

gboolean sandbox_become(uid_t uid, gid_t gid, const char *name, GError **error)
{
    if (!drop_bounding(0, error))
        return FALSE;
    int groups = name != NULL ? initgroups(name, gid) : setgroups(0, NULL);
    if (groups != 0)
        return fail("groups", error);
    if (setresgid(gid, gid, gid) != 0)
        return fail("group", error);
    if (setresuid(uid, uid, uid) != 0)
        return fail("user", error);
    /* With another user the kernel takes the machine's default, which may be to let that one in. */
    sandbox_hide_memory();
    return TRUE;
}

gboolean sandbox_drop_capabilities(guint64 keep, GError **error)
{
    if (!drop_bounding(keep, error))
        return FALSE;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return fail("ambient capabilities", error);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0)
        return fail("capabilities", error);
    for (guint i = 0; i < G_N_ELEMENTS(data); i++) {
        data[i].permitted &= (guint32)(keep >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) != 0)
        return fail("capabilities", error);
    return TRUE;
}

gboolean sandbox_enter(const SandboxOptions *options, GError **error)
{
    if (SANDBOX_SANITIZED) {
        g_info("sandbox: none in a build with a sanitizer");
        return TRUE;
    }
    g_autofree char *landlock = NULL;
    g_autofree char *seccomp = NULL;
    if (!sandbox_drop_capabilities(options->capabilities, error))
        return FALSE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail("no_new_privs", error);
    if (!landlock_apply(options, &landlock, error) || !seccomp_apply(options, &seccomp, error))
        return FALSE;
    g_info("sandbox: %s capabilities, no_new_privs%s%s%s%s",
           options->capabilities == 0 ? "no" : "few", landlock != NULL ? ", " : "",
           landlock != NULL ? landlock : "", seccomp != NULL ? ", " : "",
           seccomp != NULL ? seccomp : "");
    return TRUE;
}
