namespace LatentSync.Media.Video.Reading;

/// <summary>A frame of an output sequence.</summary>
/// <param name="Frame">The picture; its index is that in the source. Dispose it when done; writing to it disturbs no other frame.</param>
/// <param name="OutputIndex">Position in the output, counted from 0.</param>
public readonly record struct SequencedFrame(VideoFrame Frame, long OutputIndex)
{
    /// <summary>Position in the source, counted from 0.</summary>
    public long SourceIndex => Frame.Index;
}
