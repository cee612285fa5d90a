using LatentSync.Chunks;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Run;

/// <summary>
/// Output frames that wait for their mouths, and mouths that wait for their frames. Frames leave in order, as soon as the network
/// frame whose mouth they show is generated or known not to exist.
/// </summary>
internal sealed class PendingFrames : IDisposable
{
    private readonly ChunkAssembler<AlignedFace> _chunks;
    private readonly Queue<PlacedFrame> _frames = new();
    private readonly SortedDictionary<int, Half[]> _mouths = [];

    public PendingFrames(ChunkAssembler<AlignedFace> chunks)
    {
        _chunks = chunks;
    }

    /// <summary>Adds the next output frame.</summary>
    public void Add(PlacedFrame frame) => _frames.Enqueue(frame);

    /// <summary>Adds a generated face, (3, R, R) in [-1, 1].</summary>
    public void Add(int networkFrame, Half[] mouth) => _mouths.Add(networkFrame, mouth);

    /// <summary>Takes the next frame that is ready.</summary>
    /// <param name="complete">No frame or chunk will follow.</param>
    /// <param name="frame">The frame; the caller disposes its picture.</param>
    /// <param name="mouth">The face to paste, null to leave the frame as it is.</param>
    /// <param name="networkFrame">Index of the network frame that <paramref name="mouth"/> comes from.</param>
    public bool TryTake(bool complete, out PlacedFrame frame, out Half[]? mouth, out int networkFrame)
    {
        (mouth, networkFrame) = (null, 0);
        if (!_frames.TryPeek(out frame!) || !(complete || _chunks.IsDecided(frame.OutputIndex)))
        {
            return false;
        }
        if (frame.Face is not null && _chunks.MouthFor(frame.OutputIndex) is { } needed)
        {
            if (!_mouths.TryGetValue(needed, out mouth))
            {
                return complete ? throw new InvalidOperationException($"No mouth was generated for network frame {needed}.") : false;
            }
            networkFrame = needed;
            Forget(before: needed - 1);
        }
        _frames.Dequeue();
        return true;
    }

    /// <summary>Gives back the pictures of frames that were never taken.</summary>
    public void Dispose()
    {
        while (_frames.TryDequeue(out PlacedFrame? frame))
        {
            frame.Frame.Dispose();
        }
    }

    // A later frame never shows an earlier mouth than this one's neighbour.
    private void Forget(int before)
    {
        foreach (int old in _mouths.Keys.TakeWhile(k => k < before).ToArray())
        {
            _mouths.Remove(old);
        }
    }
}
