"""An event as the Heliophysics Events Knowledgebase and VOEvent 2.0 name its parts.

Nothing here sends anything, and every record says that it is a test.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

from runs.solar.event import SolarEvent, iso_utc

NAMESPACE = "http://www.ivoa.net/xml/VOEvent/v2.0"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
LOCATION = f"{NAMESPACE} http://www.ivoa.net/xml/VOEvent/VOEvent-v2.0.xsd"
COORDINATES = "UTC-HPC-TOPO"
# No authority is registered for what leaves this program.
AUTHORITY = "ivo://unregistered/detections"


def hek_record(event: SolarEvent, detector: str) -> dict[str, str]:
    """The event under the names of HEK's event specification.

    Args:
        event: See there.
        detector: What found it.
    """
    jet = "jet" in event.kind.lower()
    return {
        "Event_Type": "CJ: CoronalJet" if jet else f"OT: {event.kind}",
        "Event_StartTime": iso_utc(event.t_start),
        "Event_PeakTime": iso_utc(event.t_peak),
        "Event_EndTime": iso_utc(event.t_end),
        "Event_CoordSys": COORDINATES,
        "Event_CoordUnit": "arcsec,arcsec",
        "Event_Coord1": str(event.base_x),
        "Event_Coord2": str(event.base_y),
        "BoundBox_C1LL": str(event.hpc_x0),
        "BoundBox_C2LL": str(event.hpc_y0),
        "BoundBox_C1UR": str(event.hpc_x1),
        "BoundBox_C2UR": str(event.hpc_y1),
        "Event_Probability": str(event.score),
        "OBS_Observatory": "SDO",
        "OBS_Instrument": "AIA",
        "OBS_ChannelID": str(event.wavelength),
        "OBS_MeanWavel": str(event.wavelength),
        "OBS_WavelUnit": "Angstrom",
        "FRM_Name": detector,
        "FRM_Identifier": event.weights_sha256,
        "FRM_HumanFlag": "F",
        "FRM_DateRun": iso_utc(datetime.now(UTC)),
    }


def voevent(event: SolarEvent, detector: str) -> bytes:
    """A VOEvent packet with role="test".

    Args:
        event: See there.
        detector: See `hek_record`.
    """
    ElementTree.register_namespace("voe", NAMESPACE)
    root = ElementTree.Element(
        f"{{{NAMESPACE}}}VOEvent",
        {
            "ivorn": f"{AUTHORITY}#{event.id}",
            "role": "test",
            "version": "2.0",
            f"{{{SCHEMA}}}schemaLocation": LOCATION,
        },
    )
    record = hek_record(event, detector)
    who = ElementTree.SubElement(root, "Who")
    _text(who, "AuthorIVORN", AUTHORITY)
    _text(who, "Date", record["FRM_DateRun"].removesuffix("Z"))
    what = ElementTree.SubElement(root, "What")
    for name, value in record.items():
        ElementTree.SubElement(what, "Param", {"name": name, "value": value})
    _add_place(root, event)
    why = ElementTree.SubElement(root, "Why")
    inference = ElementTree.SubElement(why, "Inference", {"probability": str(event.score)})
    _text(inference, "Name", event.kind)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _add_place(root: ElementTree.Element, event: SolarEvent) -> None:
    data = ElementTree.SubElement(ElementTree.SubElement(root, "WhereWhen"), "ObsDataLocation")
    ElementTree.SubElement(data, "ObservatoryLocation", {"id": "SDO"})
    place = ElementTree.SubElement(data, "ObservationLocation")
    ElementTree.SubElement(place, "AstroCoordSystem", {"id": COORDINATES})
    coordinates = ElementTree.SubElement(place, "AstroCoords", {"coord_system_id": COORDINATES})
    time = ElementTree.SubElement(coordinates, "Time", {"unit": "s"})
    _text(ElementTree.SubElement(time, "TimeInstant"), "ISOTime", iso_utc(event.t_start)[:-1])
    position = ElementTree.SubElement(coordinates, "Position2D", {"unit": "arcsec"})
    value = ElementTree.SubElement(position, "Value2")
    _text(value, "C1", str(event.base_x))
    _text(value, "C2", str(event.base_y))
    _text(position, "Error2Radius", str(round(event.length_arcsec / 2, 3)))


def _text(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
