namespace LatentSync.Doctor;

/// <summary>What a row of the doctor's text is.</summary>
public enum DoctorRowKind
{
    /// <summary>The first row: will it run?</summary>
    Verdict,

    /// <summary>A title.</summary>
    Heading,

    /// <summary>A check or a backend.</summary>
    Finding,

    /// <summary>What could be done.</summary>
    Item,

    /// <summary>A row of a table, or plain text.</summary>
    Line,
}

/// <summary>One line of the doctor's text, at most <see cref="DoctorText.Width"/> columns: what a console colours and a file
/// prints.</summary>
/// <param name="Kind">What the row is.</param>
/// <param name="Status">How it ended; null for headings and for lines that continue the one above.</param>
/// <param name="Label">The check's or the backend's name; empty otherwise.</param>
/// <param name="Text">The sentence, or the part of it that fits.</param>
public sealed record DoctorRow(DoctorRowKind Kind, DoctorStatus? Status, string Label, string Text);
