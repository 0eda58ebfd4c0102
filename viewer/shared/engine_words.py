"""The engine's English sentences, told in the reader's language.

The engine knows no language but English: its faults, reasons and notes are values, that are also
logged and exported. On their way to the screen they are looked up here, whole or, where numbers and
names stand in them, by a template. A sentence that is not listed is shown as it came; a test reads
the engine and finds what is lacking.
"""

import re
from functools import lru_cache

from engine.domain import NOTICE, Laterality, MammogramView
from engine.errors import EngineError
from engine.plain_text import visible_text
from viewer.shared import languages
from viewer.shared.languages import mark, tr

_AND = " and "
_LONGEST = 1000  # characters of what the engine says; a file's own words may be of any length
_COUNTED = re.compile(r"([\d,]+) (.+)")

WORDS = (
    # what stands on every screen
    mark("Research use only. Not for diagnostic use."),
    # categories
    mark("incomplete"),
    mark("negative"),
    mark("benign"),
    mark("probably benign"),
    mark("suspicious"),
    mark("highly suggestive of malignancy"),
    mark("known malignancy"),
    # agreement, reading modes: the stored values
    mark("agree"),
    mark("disagree"),
    mark("not comparable"),
    mark("concurrent"),
    mark("second read"),
    mark("blind audit"),
    # where a spacing comes from
    mark("calibrated"),
    mark("at detector"),
    mark("estimated with magnification"),
    mark("from the file"),
    # windows that are not the file's
    mark("automatic"),
    mark("as saved"),
    mark("adjusted"),
    # view modifiers
    mark("magnification"),
    mark("spot compression"),
    mark("tangential"),
    mark("cleavage"),
    mark("axillary tail"),
    mark("rolled lateral"),
    mark("rolled medial"),
    mark("rolled inferior"),
    mark("rolled superior"),
    mark("anterior compression"),
    mark("axillary tissue"),
    mark("infra-mammary fold"),
    mark("nipple in profile"),
    mark("implant displaced"),
    # what an image is instead of a mammogram
    mark("breast tomosynthesis"),
    mark("breast tomosynthesis projections"),
    mark("ultrasound"),
    mark("magnetic resonance"),
    mark("computed tomography"),
    mark("nuclear medicine"),
    mark("positron emission tomography"),
    mark("photograph"),
    mark("endoscopy"),
    mark("slide microscopy"),
    mark("a colour photograph"),
    mark("raw detector data (FOR PROCESSING)"),
    mark("a lesion crop or mask"),
    mark("a contrast-enhanced subtraction"),
    mark("a specimen image"),
    mark("a two-dimensional mammogram"),
    mark("a processed mammogram"),
    mark("a whole mammogram"),
    mark("a plain mammogram"),
    mark("missing"),
    mark("exaggerated"),
    mark("rolled"),
    mark("a three-dimensional X-ray image"),
    mark("computed tomography or a tomosynthesis slice"),
    mark("a tomosynthesis projection"),
    mark("a tomosynthesis slice"),
    mark("a biopsy image"),
    mark("a ductogram"),
    mark("a high-energy contrast image"),
    mark("a contrast-enhanced image"),
    mark("a breast with an implant"),
    mark("a breast without one"),
    # why a network says nothing
    mark("Both breasts are in one image."),
    mark("No view of this breast can be judged."),
    mark("The image is blank."),
    mark("It does not look like a mammogram."),
    mark("It looks like a negative: export it with dense tissue bright."),
    mark("It looks upside down: turn it and open it again."),
    mark("No breast found"),
    mark("The image is too small to hold one."),
    mark("The image is blank; check the file."),
    mark("Nothing in the image stands out; check the file."),
    mark("What is bright is too small to be a breast."),
    # side and view
    mark("Laterality"),
    mark("View"),
    mark("Laterality and view"),
    mark("laterality"),
    mark("view"),
    mark("right"),
    mark("left"),
    mark("Image Laterality and Laterality contradict each other."),
    mark("View Position and View Code contradict each other."),
    mark("Laterality is read from the patient orientation."),
    mark("tags say both R and L"),
    mark("Implant displaced view."),
    mark("A breast implant is present."),
    mark("Partial view: the breast goes on in another image."),
    mark("Synthesised from tomosynthesis."),
    # grey values and spacings
    mark("An unusable Rescale Slope is ignored."),
    mark("rescale slope ignored"),
    mark("polarity in doubt: I inverts"),
    mark("An unknown Presentation LUT Shape is ignored."),
    mark("A grey-value table (VOI LUT) descends in part."),
    mark("VOI LUT descends in part"),
    mark("it descends"),
    mark("its descriptor is incomplete"),
    mark("it is empty"),
    mark("it is too short"),
    mark("its entries are no numbers"),
    mark("all its entries are equal"),
    mark("Window Width is missing: an automatic window is used."),
    mark("window ignored: it has no width"),
    mark("window ignored: unusable width"),
    mark("An unknown VOI LUT Function is shown as LINEAR."),
    mark("unknown curve shown as linear"),
    mark("the others are kept"),
    mark("an automatic window is used"),
    mark("An absurd magnification factor is ignored."),
    mark("An absurd pixel spacing is ignored."),
    mark("An absurd pixel aspect ratio is ignored."),
    mark("No pixel spacing: lengths cannot be measured."),
    # studies
    mark("Another file holds a copy of this image; shown once."),
    mark("Another file holds the same picture under a name that contradicts this one."),
    mark("Another image carries the same SOP Instance UID but differs; both are shown."),
    mark("Another study carries the same identifier; kept apart."),
    mark("Several patients share one Study Instance UID; kept apart."),
    mark("The Patient's Name differs between the views of this study."),
    mark("Issuer of Patient ID"),
    mark("Patient's Birth Date"),
    mark("Patient IDs"),
    mark("file names"),
    mark("one folder"),
    mark("A copy of an image"),
    # files
    mark("The file cannot be opened"),
    mark("The file was not found"),
    mark("The folder cannot be opened"),
    mark("Check that it is still there, then open it again."),
    mark("Check that it is still there and that you may read it."),
    mark("Check that its drive is connected, then try again."),
    mark("Ask for permission to read it, or copy it to a place of your own."),
    mark("The file has changed"),
    mark("Open the folder again."),
    mark("The file cannot be read"),
    mark("The file is empty"),
    mark("Copy it again from its source."),
    mark("The DICOM file is encrypted"),
    mark("Decrypt it first, or export it unencrypted."),
    mark("The DICOM header is damaged"),
    mark("Copy the file again from its source, or export it anew."),
    mark("The image data are cut off"),
    mark("The image data are corrupt"),
    mark("The image file is too large"),
    mark("The image is too large"),
    mark("The image has no size"),
    mark("The image has no pixels"),
    mark("Only its header is here; export the image anew."),
    mark("A document, not an image"),
    mark("a file without pixels"),
    mark("Pixels are fractional numbers"),
    mark("Export the image with integer pixels."),
    mark("Compression is not supported"),
    mark("Pixel depth is not supported"),
    mark("Export the image with 8 to 16 bits per pixel."),
    mark("Pixel format is not supported"),
    mark("Export the image as 8 or 16 bit greyscale PNG."),
    mark("Colour format is not supported"),
    mark("Export the image in greyscale."),
    mark("Palette colours are not supported"),
    mark("Export it in greyscale."),
    mark("Not a DICOM file"),
    mark("It is only named like one; check how it was exported."),
    mark("The content is no image"),
    mark("It is only named like one; check how it was saved."),
    mark("Image format is not supported"),
    mark("Save it as PNG, TIFF or DICOM."),
    mark("DICOMDIR points outside its folder"),
    mark("Open the folder itself instead of its DICOMDIR."),
    mark("The DICOMDIR lists no images"),
    mark("Copy the whole disc again, or open the folder itself."),
    mark("Listed in DICOMDIR but missing"),
    mark("Not enough memory"),
    mark("Close other programs and open the image again."),
    mark("The path is too long"),
    mark("Copy the innermost folders to a place of their own, then open them."),
    mark("Too many files are open"),
    mark("Close other programs, then open it again."),
    mark("The drive reports an error"),
    mark("Copy it again from its source, to another drive if need be."),
    mark("Another program holds the file"),
    mark("Close it there, then open it again."),
    mark("An archive is not opened"),
    mark("Unpack it, then open the folder that comes of it."),
    mark("The ZIP file is damaged"),
    mark("Copy it again from its source, or unpack it and open the folder."),
    mark("The ZIP file is too large to open"),
    mark("The ZIP file is encrypted"),
    mark("Unpack it with its password, then open the folder that comes of it."),
    mark("Compression of the ZIP file is not supported"),
    mark("The ZIP file points outside itself"),
    mark("Unpack it, and look at what comes of it before you open it."),
    mark("The DICOMDIR is damaged"),
    mark("A file is a link out of the folder; what it leads to is shown."),
    mark("Stopped: not all folders were searched."),
    mark("The transfer syntax says uncompressed, but the pixels are compressed."),
    mark("The transfer syntax says compressed, but the pixels are not."),
    mark("The compressed pixels do not lie in items, as they should."),
    mark("The transfer syntax is GE's own: not compressed, and read as such."),
    mark("The last pixel is missing in the file: its neighbour stands in for it."),
    mark("The end marker of the compressed image is missing; its pixels are complete."),
    mark("The file is not deflated, though it says so: shown as it is."),
    mark("An overlay of marks or words belongs to this image and is not shown."),
    mark("Graphics belong to this image and are not shown."),
    mark("A shutter belongs to this image and is not applied."),
    mark("A grey-value table (VOI LUT) fills less than half of its range: dark."),
    mark("VOI LUT fills half of its range"),
    mark("Turned as the file's Orientation says."),
    mark("largest"),
    mark("first"),
    # a header, line by line
    mark("No DICOM header"),
    mark("This image is not a DICOM file."),
    mark("the rest is left out"),
    mark("left out"),
    mark("Deeper sequences"),
    mark("1 item"),
    # networks and their process
    mark("Scope gate not installed"),
    mark(
        "The file that tells mammograms from other images is missing or damaged; install the "
        "program again."
    ),
    mark("Nothing can be anonymised"),
    mark("The table of what must go is missing or damaged; install the program again."),
    mark("Network not installed"),
    mark("Checkpoint refused"),
    mark("its sha-256 is not the one it was shipped with"),
    mark("it is larger than any checkpoint of ours"),
    mark("it cannot be read"),
    mark("it is truncated or not one of ours"),
    mark("its architecture is unknown"),
    mark("it holds no region network"),
    mark("its resolution is out of range"),
    mark("The rectangle is empty."),
    mark("The rectangle lies outside the image."),
    mark("The rectangle lies outside the breast."),
    mark("More than half of the rectangle lies outside the breast."),
    mark("The rectangle is too small to judge (a side of less than 2 mm)."),
    mark("There is nothing to see in the rectangle: it is all of one grey."),
    mark("The rectangle reaches beyond the image; only the part inside was looked at."),
    mark(
        "The pixel spacing is unknown: the image's own pixels were taken as they are, as "
        "if one were 0.1 mm."
    ),
    mark("its input size is out of range"),
    mark("its network cannot take frames of the size it names"),
    mark("its calibration is for other categories"),
    mark("its heat-map has no scale"),
    mark("it names a network in another folder"),
    mark("a network beside it is not the one that it was joined with"),
    mark("its networks do not fit each other"),
    mark("its weights do not fit the architecture it names"),
    mark("Unexpected fault in this file"),
    mark("This is a bug of the program: please report it with the log; go on without it."),
    mark("The engine stopped"),
    mark("The engine did not respond"),
    mark("The system ended the engine twice at one request: close other programs and try again."),
    mark("Close other programs and try again."),
    mark("One request stopped it twice and was given up; the others go on."),
    # readings
    mark("Readings cannot be opened"),
    mark("Readings cannot be saved"),
    mark("Readings cannot be read"),
    mark("Readings cannot be exported"),
    mark("The disk is full: make room, then save again."),
    mark("Another program holds the readings file: close it, try again."),
    mark("Check that the data folder exists, may be written to and has room."),
    mark("Readings file is damaged"),
    mark("Readings file is missing"),
    mark("Readings file is another program's"),
    mark("Move that file away or choose another data folder; it was left unchanged."),
    mark("Readings of a newer version"),
    mark("Update birads-viewer to go on with these readings; they were left unchanged."),
    mark("Reading corrected meanwhile"),
    mark("Open the study again, look at the newest reading, and save yours after it."),
    mark("No secret for pseudonyms"),
    mark("Secret for pseudonyms is damaged"),
    mark("Readings cannot be copied"),
    mark("Readings cannot be restored"),
    mark(
        "It was left unchanged. Put the newest backup in its place: birads-engine readings "
        "restore FILE; the damaged file is kept."
    ),
    mark("Put the newest backup in its place: birads-engine readings restore FILE."),
    mark("Readings file is empty"),
    mark("Readings file was changed"),
    mark("Readings file was missing"),
    mark(
        "It was deleted or moved while it was open, and has been written anew with everything "
        "that had been saved."
    ),
    mark("Readings file was replaced"),
    mark("What was saved just now is in the file that is kept beside it: save it again."),
    mark("Readings are missing"),
    mark(
        "The file was copied without the -wal file beside it, and the newest readings are in "
        "that: copy both, or use birads-engine readings backup DIR. To go on without them, "
        "restore the file from itself (birads-engine readings restore FILE)."
    ),
    mark("Readings may be missing"),
    mark(
        "The file's anchor is not beside it, so nothing tells whether the newest rows are there. "
        "Copies are made by birads-engine readings backup DIR."
    ),
    mark("The file is of an older version: its rows are linked when it is opened."),
    mark("The newest rows may be missing: the anchor beside the file is not there."),
    mark("The newest rows are others than those that were stored."),
    mark("There is no readings file."),
    mark("The file is not one of ours."),
    mark("The file is damaged."),
    mark("The file is of a newer version."),
    mark("The file is missing."),
    mark("The file is empty."),
    mark("Backup is not usable"),
    mark("No backup there"),
    mark("Readings are in use"),
    mark("Close birads-viewer, then restore the backup."),
    # training data and copies
    mark("not where it was read"),
    mark("replaced by another image"),
    mark("unreadable"),
    mark("no view that networks judge"),
    mark("without a breast to be found"),
    mark("with a newer reading of the same breast"),
    mark("Folder belongs to a study"),
    mark("Choose a place outside the folders of the images."),
    mark("Folder is not empty"),
    mark("Choose a new or empty folder for the training data."),
    mark("Manifest cannot be written"),
    mark("The header is too large"),
    mark("It cannot be anonymised; export the image anew."),
    mark("Text cannot be blanked here"),
    mark("several frames"),
    mark("colour"),
    mark("The copy would lie in the study"),
    mark("Nothing is written among the images that are read: choose a folder outside them."),
    mark("The copy was not written"),
    mark("It could not be written"),
    mark("Close other programs and copy the study again."),
)
# With numbers, names or other words of the engine in them; the first that fits is taken.
TEMPLATES = (
    mark("estimated with magnification {factor}"),
    mark("no. {number}"),
    mark("pattern like training grade {grade}"),
    mark("{reason} The networks do not judge it."),
    mark("This is a {kind} view, not a standard CC or MLO view."),
    mark("This is an {kind} view, not a standard CC or MLO view."),
    mark("This is {kind}, not {wanted}."),
    mark("a series of {count} frames"),
    mark("unknown ({view})"),
    mark("The header does not call this a mammogram (modality {modality})."),
    mark("The image is too small to judge ({columns} × {rows} pixels)."),
    mark("The image has only {count} grey levels, so it is no mammogram."),
    mark("{what} guessed from a name, not from a tag."),
    mark("{what} guessed from the file name."),
    mark(
        "Patient Orientation is that of the {side} breast, the header says {stated}; the latter "
        "is followed."
    ),
    mark("orientation tag says {side}"),
    mark("a name says {side}"),
    mark("A name says {named}, the header says {stated}; the header is followed."),
    mark("One of {count} frames is shown."),
    mark("A Modality LUT is ignored: {fault}."),
    mark("Modality LUT ignored: {fault}"),
    mark("Presentation LUT Shape {shape} contradicts {photometric}; the shape is followed."),
    mark("A grey-value table (VOI LUT) is ignored: {fault}."),
    mark("VOI LUT ignored: {fault}"),
    mark("its entries use less than a quarter of the {count} bits it states"),
    mark("its entries exceed the {count} bits it states"),
    mark("it states {count} bits per entry"),
    mark("A window of width {width} shows black and white only: offered last."),
    mark("window of width {width} set aside"),
    mark("A window without a usable width is ignored: {kept}."),
    mark("{copies} already listed: shown once."),
    mark("{count} copies of images"),
    mark("Images of {count} patients lie in one folder; kept apart."),
    mark("In each of {count} folders lie images of more than one patient; kept apart."),
    mark("Images in {where} differ in their names and may be of several patients; kept apart."),
    mark("each of {count} folders"),
    mark("That these views belong to one patient is guessed from their {source}."),
    mark("The {what} differs between the views of this study."),
    mark("Stopped: {count} files were not looked at."),
    mark(
        "{count} symbolic links to folders or in a loop were not followed; open their targets "
        "themselves."
    ),
    mark("It is longer than {count} MiB; check where it comes from."),
    mark(
        "It claims {rows} × {columns} pixels, more than {count} million; check where the file "
        "comes from."
    ),
    mark("Open it in another program; it is: {kind}."),
    mark("Export the image uncompressed or as JPEG 2000; this one is: {kind}."),
    mark("More than {count} lines"),
    mark("{count} items"),
    mark("Item {number}"),
    mark("No checkpoint named {name} came with this installation; install it again."),
    mark("{name}: {why}. Install the program again or choose another."),
    mark("It holds the network {found}, not {asked}. Install the program again or choose another."),
    mark("its format is {format}, this program reads {known}"),
    mark("its format is {format}"),
    # of the rectangle that a reader draws
    mark("A pixel of this image is {mm} mm: too coarse to judge calcifications."),
    mark(
        "The rectangle is larger than {size} mm, so it was looked at coarser: {mm} mm for a pixel."
    ),
    mark("Put {name} back: the newest readings are in {other} beside it."),
    mark(
        "By an earlier state of it: everything saved since is put back, and the other file is "
        "kept beside it as {name}."
    ),
    mark("Its table {table} is missing or changed, and it was left so. {advice}"),
    mark(
        "Its trigger {trigger} is missing, changed or not ours. Restore the file from itself "
        "(birads-engine readings restore FILE): all rows are checked, and triggers put back."
    ),
    mark("{advice} To start anew without it, move {name} away, too."),
    mark(
        "Readings go into the file that lies there now. What was saved before is kept beside it "
        "as {name}."
    ),
    mark("{advice} What was saved before is kept beside it as {name}."),
    mark("Something has emptied {name}. {advice}"),
    mark("The file is not the one that was saved last: {held} of {count} rows are there. {advice}"),
    mark("Row {row} of table {table} is not as it was stored."),
    mark("Row {row} of table {table} was deleted."),
    mark("Row {row} of table {table} was added by another program."),
    mark("Table {table} is missing or changed."),
    mark("Trigger {trigger} is missing, changed or not ours."),
    mark("The newest rows are missing: {held} of {count} are there."),
    mark(
        "{problem} Saving goes on; ask who has had access, and see birads-engine readings "
        "restore --help for putting a backup in its place."
    ),
    mark("{problem} Choose another one."),
    mark("The folder {name} holds no .sqlite file."),
    mark("Check that the folder exists, may be written to and has room ({why})."),
    mark("Check that the data folder may be written to ({why})."),
    mark(
        "Move {name} out of the data folder: a new one is made, and patients get other names in "
        "exports from then on."
    ),
    mark("The image has {what}: copy it without blanking, and look for text in it yourself."),
    mark("{why}: free some space, or choose another folder. What was copied before is complete."),
    mark("1 image written for training. Left out: {reasons}."),
    mark("{count} images written for training. Left out: {reasons}."),
    mark("1 image written for training."),
    mark("{count} images written for training."),
    mark("an exposure at {voltage} kV"),
    mark("view position says {side}"),
    mark("View Position says {named}, the laterality {stated}; the latter is followed."),
    mark("The {which} of several pages is shown."),
    mark("It claims {count} MiB of pixels, more than {most}; export it in greyscale."),
    mark(
        "The compressed image holds {bits} bits without sign, the header says {stated} with "
        "one: read as two's complement."
    ),
    mark("The file is deflated with a header of {kind}, which is not allowed."),
    mark("Of the files that the DICOMDIR lists {count} are missing; the first {named} are named."),
    mark(
        "DICOM files beside those that the DICOMDIR lists were not opened: {count}. "
        "Open the folder itself."
    ),
    mark("{count} files are links out of the folder; what they lead to is shown."),
    # the viewer's own, made of an engine's
    mark("{advice} It stays on the screen and is tried again with the next."),
    mark("{advice} It stays on the screen; save it before you quit."),
    mark("{why}: free some space, or choose another folder."),
)


def localised(text: str) -> str:
    """A sentence of the engine, or one word of it, in the reader's language."""
    language = languages.current()
    is_told = language != languages.SOURCE and 0 < len(text) <= _LONGEST
    return _localised(text, language) if is_told else text


def localised_error(error: EngineError) -> str:
    """As `str(error)`."""
    return f"{localised(error.title)}: {localised(error.advice)}"


# Of a view's notes, those of which fewer words stand on its image anyway (`grey_faults`,
# `side_faults`); and how the one ends that says again why no network judges it.
_SAID_SHORTER = (
    *("A Modality LUT ", "A grey-value table ", "Window Width ", "A window ", "An unknown VOI "),
    *("An unusable Rescale ", "Presentation LUT Shape "),
    *("Image Laterality and ", "Patient Orientation is ", "A name says "),
)
_NOT_JUDGED = " The networks do not judge it."


def image_notes(view: MammogramView, is_refusal_told: bool = False) -> tuple[str, ...]:
    """What must be known of the image wherever it is shown, and is not said there otherwise."""
    notes = [note for note in view.notes if not note.startswith(_SAID_SHORTER)]
    if is_refusal_told:
        notes = [note for note in notes if not note.endswith(_NOT_JUDGED)]
    return tuple(visible_text(localised(note)) for note in notes)


def form_notes(view: MammogramView) -> tuple[str, ...]:
    """All that is known of the image, beside what the model says of it or why it says nothing."""
    notes = (note for note in view.notes if not note.endswith(_NOT_JUDGED))
    return tuple(visible_text(localised(note)) for note in notes)


def side_title(side: Laterality) -> str:
    """Above what is said of a breast."""
    return tr("RIGHT") if side is Laterality.RIGHT else tr("LEFT")


def side_mark(side: Laterality) -> str:
    """The same where there is little room beside it."""
    if side is Laterality.RIGHT:
        return tr("RIGHT", "short, beside other words")
    return tr("LEFT", "short, beside other words")


def side_words(side: Laterality) -> str:
    """For screen readers, beside what is said of a breast."""
    return tr("right breast") if side is Laterality.RIGHT else tr("left breast")


def notice() -> str:
    """What stands on every screen; exports carry `engine.domain.NOTICE` itself."""
    return localised(NOTICE)


@lru_cache(maxsize=2048)
def _localised(text: str, _language: str) -> str:
    if (told := tr(text)) != text:
        return told
    for template, pattern in _patterns():
        if (found := pattern.fullmatch(text)) is not None:
            parts = {name: _part(part) for name, part in found.groupdict().items()}
            return tr(template).format(**parts)
    title, colon, advice = text.partition(": ")  # as `str` of an error
    if colon and tr(title) != title:
        return f"{tr(title)}: {localised(advice)}"
    return text


def _part(part: str) -> str:
    """What stands in a template: words, those joined by "and", or a list of counted ones."""
    counted = [_COUNTED.fullmatch(item) for item in part.split("; ")]
    if all(counted):
        return "; ".join(f"{item[1]} {localised(item[2])}" for item in counted)
    told = localised(part)
    if told == part and _AND in part:
        return tr(_AND, "between two words").join(map(localised, part.split(_AND)))
    return told


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    def pattern(template: str) -> re.Pattern[str]:
        literal = re.split(r"\{(\w+)\}", template)
        parts = [
            f"(?P<{part}>.+?)" if number % 2 else re.escape(part)
            for number, part in enumerate(literal)
        ]
        return re.compile("".join(parts), re.DOTALL)

    return tuple((template, pattern(template)) for template in TEMPLATES)
