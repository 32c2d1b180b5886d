"""The middle of the screen: captions, what is said instead while there are none, and the hint at newer text."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Label, Static

from speech3n.types import Gap, Segment, Update
from tui.widgets.captions import Captions
from tui.widgets.paragraphs import Paragraph, segment_paragraph, update_paragraph

_AGAIN = Paragraph(None, (("— begun again —", "time"),))


class Stage(Container):
    """Shows the updates and segments of sessions, one session after the other."""

    def __init__(self) -> None:
        super().__init__(id="stage")
        self.heard_language: str | None = None
        """The language of the newest segment."""

    def compose(self) -> ComposeResult:
        """All three, one over the other."""
        yield Captions()
        yield Static("", id="welcome", markup=False)
        yield Newer()

    @property
    def captions(self) -> Captions:
        """The text."""
        return self.query_one(Captions)

    def begin(self) -> None:
        """Another session begins: its times count from zero again."""
        self.heard_language = None
        if not self.captions.is_empty:
            self.captions.append(_AGAIN)

    def wait(self, text: str) -> None:
        """Say what is going on while there is no text."""
        welcome = self.query_one("#welcome", Static)
        welcome.update(text)
        welcome.display = self.captions.is_empty

    def show(self, event: Update | Segment | Gap, *, names_languages: bool) -> None:
        """Show text; with `names_languages` the language stands where it changes."""
        if isinstance(event, Update):
            self.captions.show_live(update_paragraph(event))
        elif isinstance(event, Gap):
            skipped = f"— {event.end - event.start:.0f} s skipped; they are in the recording —"
            self.captions.append(Paragraph(event.start, ((skipped, "time"),)))
        else:
            changed = event.language != self.heard_language
            self.heard_language = event.language
            label = (event.language or "") if names_languages and changed else ""
            self.captions.append(segment_paragraph(event, label))
        self.query_one("#welcome").display = self.captions.is_empty

    def on_captions_following(self, message: Captions.Following) -> None:
        """Say that there is newer text where the reader has scrolled up."""
        self.query_one(Newer).show(message)


class Newer(Label):
    """A hint over the captions; a click does what the End key does."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__("", id="newer")
        self.display = False

    def show(self, state: Captions.Following) -> None:
        """Be there while the newest text is not followed."""
        self.update("↓ new text   End" if state.has_news else "↓ newest   End")
        self.display = not state.following

    def on_click(self) -> None:
        """The mouse's way back."""
        self.screen.query_one(Captions).action_follow()
