"""All the vendors' customers of one sandbox, and how they are sown."""

import re

from .kernel import Kernel
from .omie.company import Company
from .ploomes.account import Account
from .seeds import omie_reference, ploomes_reference
from .seeds.goods import crowd, pile
from .seeds.sample import SIZES, sow

SEEDS = ("empty", *SIZES)
APP_KEY = "1000000000001"
APP_SECRET = "sandbox-app-secret"  # noqa: S105  a well-known value of a pretend vendor
USER_KEY = "sandbox-user-key"


class World:
    """Omie apps by app key and Ploomes accounts by the user key of their integration user."""

    def __init__(self, kernel: Kernel, seed: str) -> None:
        self.kernel = kernel
        self.companies: dict[str, Company] = {}
        self.accounts: dict[str, Account] = {}
        self.sow(seed)

    def sow(self, seed: str) -> None:
        """Starts again from a seed, or from `bulk:<products>:<clients>` for a great many; raises ValueError."""
        bulk = re.fullmatch(r"bulk:(\d+)(?::(\d+))?", seed)
        if seed not in SEEDS and not bulk:
            raise ValueError(f"Semente desconhecida: {seed}. Use {', '.join(SEEDS)} ou bulk:<produtos>:<clientes>.")
        self.kernel.restart()
        self.companies.clear()
        self.accounts.clear()
        company, account = self.add_company(APP_KEY, APP_SECRET), self.add_account(USER_KEY)
        if seed in SIZES:
            sow(self.kernel, company, account, SIZES[seed])
        if bulk:
            pile(company, int(bulk[1]))
            crowd(company, int(bulk[2] or 0))
        self.seed = seed

    def add_company(self, app_key: str, app_secret: str) -> Company:
        """Another Omie app, with empty registers; raises ValueError when the key is taken."""
        if app_key in self.companies:
            raise ValueError(f"A chave {app_key} já existe.")
        company = Company(self.kernel, app_key, app_secret)
        omie_reference.furnish(company)
        self.companies[app_key] = company
        return company

    def add_account(self, user_key: str) -> Account:
        """Another Ploomes account, without contacts; raises ValueError when the key is taken."""
        if any(account.user_by_key(user_key) for account in self.accounts.values()):
            raise ValueError("A chave de usuário já existe.")
        account = ploomes_reference.new_account(self.kernel, user_key)
        self.accounts[user_key] = account
        return account
