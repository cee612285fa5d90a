using LatentSync.Media.Synthesis.Voices;

namespace LatentSync.Training.Datasets;

/// <summary>What the mouth of a drawn head does in one frame.</summary>
/// <param name="Mouth">Its shape.</param>
/// <param name="Phone">The sound that is spoken at the frame's moment.</param>
public readonly record struct ArticulationFrame(MouthShape Mouth, Phone Phone);
