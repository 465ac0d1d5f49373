# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer whose logins are as odd as RFC 959 and RFC 7151 allow.

    with LoginServer(account="sales", ask_account_at="PASS") as server: ...
"""

from scripted import ScriptedServer
from scripted_session import Session

OPEN = {"HOST", "ACCT", "REIN"}  # taken before the login


class LoginSession(Session):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.password_given = self.account_given = False

    def dispatch(self, verb, argument):
        handler = getattr(self, f"login_{verb.lower()}", None)
        if handler is None or (verb not in OPEN and not self.secured):
            super().dispatch(verb, argument)
        else:
            handler(argument)

    def admit(self):
        """What is asked for next, or the welcome."""
        server = self.server
        if not self.password_given and not server.no_password:
            self.reply("331 And the password?")
        elif server.account and not self.account_given:
            self.reply("332 And the account?")
        else:
            self.logged_in = True
            self.reply(server.welcome)

    def login_host(self, argument):
        tenant = self.server.tenants.get(argument.lower())
        if tenant is not None:
            self.server = Tenant(self.server, tenant)
            self.reply(f"220 This is {argument}.")
        elif argument.lower() in self.server.virtual_hosts:
            self.reply(f"220 This is {argument}.")
        else:
            self.reply("504 No such host here.")

    def login_user(self, argument):
        self.user = argument
        if self.server.account and self.server.ask_account_at == "USER":
            self.reply("332 And the account?")
        else:
            self.admit()

    def login_pass(self, argument):
        if argument != self.server.password:
            self.reply("530 Login incorrect.")
            return
        self.password_given = True
        self.admit()

    def login_acct(self, argument):
        if argument != self.server.account:
            self.reply("530 No such account.")
            return
        self.account_given = True
        self.admit()


class Tenant:
    """The server as a session sees it that has asked for a virtual host with files of its own."""

    def __init__(self, server, tree):
        self._server, self.tree = server, tree

    def __getattr__(self, name):
        return getattr(self._server, name)


class LoginServer(ScriptedServer):
    """account: asked for at USER or PASS (ask_account_at), None for never. no_password: USER is
    enough. welcome: the last reply of a login. virtual_hosts: what HOST takes; tenants: the same,
    with the Tree of each."""

    session_class = LoginSession

    def __init__(
        self,
        account=None,
        ask_account_at="PASS",
        no_password=False,
        welcome="230 Welcome.",
        virtual_hosts=(),
        tenants=None,
        **options,
    ):
        super().__init__(**options)
        self.account, self.ask_account_at = account, ask_account_at
        self.no_password, self.welcome = no_password, welcome
        self.virtual_hosts = virtual_hosts
        self.tenants = tenants or {}
