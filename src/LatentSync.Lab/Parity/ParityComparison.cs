namespace LatentSync.Lab.Parity;

/// <summary>One tensor or figure of a fixture, compared.</summary>
/// <param name="Name">What was compared, for instance "main.output".</param>
/// <param name="Passed">Within the tolerance.</param>
/// <param name="MaxAbsoluteError">Largest absolute difference.</param>
/// <param name="Detail">Where and what, when it failed: worst index, expected, actual, how many differ; else the tolerance used.</param>
public sealed record ParityComparison(string Name, bool Passed, double MaxAbsoluteError, string Detail);
