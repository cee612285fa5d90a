using System.Globalization;
using System.Text;

namespace LatentSync.Training.Loops;

/// <summary>The losses of a training, step by step.</summary>
public sealed class LossHistory
{
    private readonly List<(long Step, string Name, double Value)> _entries = [];
    private readonly List<string> _names = [];

    /// <summary>Names in the order of their first appearance.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Number of values.</summary>
    public int Count => _entries.Count;

    /// <summary>Adds a value.</summary>
    /// <param name="step">Step, from 1, not before the last one.</param>
    /// <param name="name">The loss's name.</param>
    /// <param name="value">Its value.</param>
    public void Add(long step, string name, double value)
    {
        if (!_names.Contains(name))
        {
            _names.Add(name);
        }
        _entries.Add((step, name, value));
    }

    /// <summary>One curve.</summary>
    /// <param name="name">The loss's name.</param>
    public IReadOnlyList<(long Step, double Value)> Curve(string name) =>
        [.. _entries.Where(e => e.Name == name).Select(e => (e.Step, e.Value))];

    /// <summary>Mean of the last values of a curve; null when it has none.</summary>
    /// <param name="name">The loss's name.</param>
    /// <param name="count">How many.</param>
    public double? RecentMean(string name, int count)
    {
        double sum = 0;
        int found = 0;
        for (int i = _entries.Count - 1; i >= 0 && found < count; i--)
        {
            if (_entries[i].Name == name)
            {
                sum += _entries[i].Value;
                found++;
            }
        }
        return found == 0 ? null : sum / found;
    }

    /// <summary>Values as lines "step,name,value" with every digit.</summary>
    public string ToCsv()
    {
        StringBuilder text = new("step,loss,value\n");
        foreach ((long step, string name, double value) in _entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"{step},{name},{value:R}\n");
        }
        return text.ToString();
    }

    /// <summary>Reads what <see cref="ToCsv"/> wrote.</summary>
    /// <param name="text">The lines.</param>
    /// <exception cref="TrainingException">A line is malformed.</exception>
    public static LossHistory FromCsv(string text)
    {
        LossHistory history = new();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            string[] parts = line.Split(',');
            if (
                parts.Length != 3
                || !long.TryParse(parts[0], NumberStyles.Integer, CultureInfo.InvariantCulture, out long step)
                || !double.TryParse(parts[2], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            )
            {
                throw new TrainingException($"The stored loss curve has the line \"{line}\"; \"step,loss,value\" is required.");
            }
            history.Add(step, parts[1], value);
        }
        return history;
    }
}
