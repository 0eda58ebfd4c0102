"""What the site has set stands in the window as locked, with its reason, and what the site says."""

from engine.site_configuration import Export, SitePolicy
from viewer.panes.disagreements import DisagreementsPage
from viewer.shared import theme
from viewer.shared.commands import Commands
from viewer.shared.languages import LANGUAGES
from viewer.shared.messages import localised
from viewer.shared.plain_text import PlainLabel
from viewer.window.menus import MODELS, MODES, Menus

BY_SETTING = {  # the commands that would change it
    "model": (*MODELS, "other_model", "both_models"),
    "mode": MODES,
    "language": tuple(f"language_{code}" for code in LANGUAGES),
}
BY_WAY = {  # the commands that give something out so
    Export.PICTURES: ("save_picture", "copy_picture"),
    Export.SUMMARIES: ("summary",),
    Export.COPIES: ("anonymise",),
    Export.READINGS: ("export", "export_unblinded"),
}


class SiteLocks:
    def __init__(
        self, policy: SitePolicy, commands: Commands, menus: Menus, page: DisagreementsPage
    ) -> None:
        self._policy, self._reason = policy, localised(policy.reason)
        self._commands, self._menus, self._page = commands, menus, page

    def apply(self) -> None:
        """Once, when all commands are there."""
        policy, reason = self._policy, self._reason
        for setting, identities in BY_SETTING.items():
            if policy.is_locked(setting):
                self._lock(identities)
        for way, identities in BY_WAY.items():
            if way not in policy.exports:
                self._lock(identities)
        if policy.is_locked("model"):
            self._menus.lock_model(reason)
        if policy.is_locked("mode"):
            self._menus.lock_mode(reason)
        if Export.READINGS not in policy.exports:
            self._page.lock(self._page.csv_button, reason)
        if Export.TRAINING not in policy.exports:
            self._page.lock(self._page.training_button, reason)

    def _lock(self, identities: tuple[str, ...]) -> None:
        for identity in identities:
            self._commands.lock(identity, self._reason)


def site_notice(text: str) -> PlainLabel:
    """A strip with the site's own words, as they are in its file."""
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setFont(theme.font(theme.SMALL_TEXT_PX))
    label.setStyleSheet(f"color: {theme.WARNING.name()}; padding: 2px 12px;")
    return label
