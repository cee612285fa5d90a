using System.Runtime.InteropServices;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>A frame seen by OpenCV without copying: the array is pinned until this is disposed.</summary>
internal readonly struct FrameMat : IDisposable
{
    private readonly GCHandle _handle;

    /// <summary>Pins a frame.</summary>
    /// <param name="frame">Must stay alive and unreturned meanwhile.</param>
    public FrameMat(VideoFrame frame)
    {
        _handle = GCHandle.Alloc(frame.Rgb, GCHandleType.Pinned);
        Mat = Mat.FromPixelData(frame.Height, frame.Width, MatType.CV_8UC3, _handle.AddrOfPinnedObject());
    }

    /// <summary>Height x width x 3 bytes, red first. To be read only.</summary>
    public Mat Mat { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mat.Dispose();
        _handle.Free();
    }
}
